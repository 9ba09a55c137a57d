// Node strips types from .ts files everywhere but under node_modules, where an installed Dashpot lives. The same stripping is
// asked for here, for files of this package alone.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import module, { registerHooks, stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGE = new URL("../", import.meta.url).href;

if (PACKAGE.includes("/node_modules/")) {
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(PACKAGE) || !url.endsWith(".ts")) return nextLoad(url, context);
      return { format: "module", source: stripped(url), shortCircuit: true };
    },
  });
}

/**
 * The code without types, from beside Node's cache of compiled code where it stands there: loading what strips them takes 100 ms and
 * 20 MB. The whole source is kept with it, so that a changed file is never taken for the one that was stripped.
 */
function stripped(url) {
  const source = readFileSync(fileURLToPath(url), "utf8");
  const cache = module.getCompileCacheDir?.();
  if (cache === undefined) return strip(source);
  const directory = join(cache, "stripped");
  const file = join(directory, encodeURIComponent(url.slice(PACKAGE.length)));
  try {
    const kept = readFileSync(file, "utf8");
    if (kept.startsWith(`${source}\0`)) return kept.slice(source.length + 1);
  } catch {
    // Not kept yet.
  }
  const code = strip(source);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, `${source}\0${code}`);
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // Where nothing can be written, types are stripped at every start.
  }
  return code;
}

/** Node says once per process that this function is experimental. Whoever runs Dashpot can do nothing about it, and stderr holds logs. */
function strip(source) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source);
  } finally {
    process.emitWarning = emitWarning;
  }
}
