// Most of a start is compiling, so what was compiled once is kept for the next. Whoever can write where it is kept can have Dashpot
// run anything, and Node's own choice, one name in the shared temporary folder, belongs to the local user who makes it first. So a
// folder is taken only where nobody but this user and root can have written, or can put another in its place.
import { lstatSync, mkdirSync, realpathSync, statSync } from "node:fs";
import module from "node:module";
import { homedir, tmpdir } from "node:os";
import { basename, dirname, isAbsolute, join } from "node:path";

// What the environment asks for, Node has done before anything was loaded.
if (!process.env.NODE_COMPILE_CACHE && !process.env.NODE_DISABLE_COMPILE_CACHE) {
  const folder = privateFolder();
  if (folder !== undefined) module.enableCompileCache?.(folder);
}

/** The first that is private to this user, made where it is missing; none where no place is, or where folders have no owners (Windows). */
function privateFolder() {
  const user = process.geteuid?.();
  if (user === undefined) return undefined;
  // The XDG Base Directory Specification has a relative path ignored.
  const { XDG_CACHE_HOME = "" } = process.env;
  const caches = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), ".cache");
  return madePrivate(join(caches, "dashpot"), user) ?? madePrivate(join(tmpdir(), `dashpot-${user}`), user);
}

function madePrivate(path, user) {
  try {
    const parent = realpathSync(dirname(path));
    if (!isGuarded(parent, user)) return undefined;
    const folder = join(parent, basename(path));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const status = lstatSync(folder);
    // Not readable by others either: what Node makes inside has the modes that the umask leaves.
    const isPrivate = status.isDirectory() && status.uid === user && (status.mode & 0o077) === 0;
    return isPrivate ? folder : undefined;
  } catch {
    // Missing, or not writable: a start without a cache is slower and nothing else.
    return undefined;
  }
}

/** Who may write to a folder may rename what lies in it; in a sticky one, such as /tmp, only what is theirs. This holds up to the root. */
function isGuarded(folder, user) {
  const { uid, mode } = statSync(folder);
  const isOurs = uid === user || uid === 0;
  const isSticky = (mode & 0o1000) !== 0;
  if (!isOurs || ((mode & 0o022) !== 0 && !isSticky)) return false;
  return folder === dirname(folder) || isGuarded(dirname(folder), user);
}
