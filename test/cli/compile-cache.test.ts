import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

const ENTRY = join(import.meta.dirname, "../../sidecar/dashpot.js");
const user = process.geteuid?.();
const skip = user === undefined && "folders have no owners here";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "dashpot-cache-"));
  for (const name of ["home", "temporary"]) mkdirSync(join(root, name));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const inRoot = (path: string): string => join(root, path);
const temporary = (): string => inRoot(`temporary/dashpot-${user}`);

/** Starts the command as a user whose home and temporary folder are those of the test. */
function start(env: Readonly<Record<string, string>> = {}): void {
  const { PATH = "" } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, [ENTRY, "--version"], {
    env: { PATH, HOME: inRoot("home"), TMPDIR: inRoot("temporary"), ...env },
    encoding: "utf8",
  });
  assert.match(stdout, /^dashpot \d/);
  assert.equal(stderr, "");
}

function planted(path: string, mode: number): string {
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  return path;
}

test("compiled code is kept in a folder of the user's cache that nobody else can open", { skip }, () => {
  mkdirSync(inRoot("home/.cache"));
  start();
  assert.equal(readdirSync(inRoot("home/.cache/dashpot")).length, 1);
  assert.equal(statSync(inRoot("home/.cache/dashpot")).mode & 0o777, 0o700);
  mkdirSync(inRoot("xdg"));
  start({ XDG_CACHE_HOME: inRoot("xdg") });
  assert.equal(readdirSync(inRoot("xdg/dashpot")).length, 1);
  assert.deepEqual(readdirSync(inRoot("temporary")), []);
});

test("without a cache of the user's own, compiled code is kept in a private temporary folder", {
  skip,
}, () => {
  start({ XDG_CACHE_HOME: "relative" });
  assert.equal(readdirSync(temporary()).length, 1);
  assert.equal(statSync(temporary()).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(inRoot("home")), []);
});

for (const mode of [0o777, 0o770, 0o702, 0o755]) {
  test(`a folder that was there with mode ${mode.toString(8)} is not used`, { skip }, () => {
    planted(temporary(), mode);
    start();
    assert.deepEqual(readdirSync(temporary()), []);
  });
}

test("a link that was there is not followed", { skip }, () => {
  const target = planted(inRoot("target"), 0o700);
  symlinkSync(target, temporary());
  start();
  assert.deepEqual(readdirSync(target), []);
});

test("a folder of another user is not used", {
  skip: skip || (user !== 0 && "only root can make one"),
}, () => {
  chownSync(planted(temporary(), 0o700), 1, 1);
  start();
  assert.deepEqual(readdirSync(temporary()), []);
});

test("nothing is made where others could put a folder of theirs in its place", { skip }, () => {
  planted(inRoot("temporary"), 0o777);
  planted(inRoot("home/.cache"), 0o777);
  start();
  assert.deepEqual(readdirSync(inRoot("temporary")), []);
  assert.deepEqual(readdirSync(inRoot("home/.cache")), []);
});

test("NODE_COMPILE_CACHE is used as it is given, and NODE_DISABLE_COMPILE_CACHE keeps nothing", {
  skip,
}, () => {
  start({ NODE_COMPILE_CACHE: planted(inRoot("given"), 0o755) });
  assert.equal(readdirSync(inRoot("given")).length, 1);
  start({ NODE_DISABLE_COMPILE_CACHE: "1" });
  assert.deepEqual(readdirSync(inRoot("temporary")), []);
});
