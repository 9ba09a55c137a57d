// Node strips types from .ts files everywhere but under node_modules, where an installed Dashpot lives. The same stripping is
// asked for here, for files of this package alone.
import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";

const PACKAGE = new URL("../", import.meta.url).href;

if (PACKAGE.includes("/node_modules/")) {
  swallowStrippingWarning();
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(PACKAGE) || !url.endsWith(".ts")) return nextLoad(url, context);
      const source = stripTypeScriptTypes(readFileSync(fileURLToPath(url), "utf8"));
      return { format: "module", source, shortCircuit: true };
    },
  });
}

/** Node says once per process that this function is experimental. Whoever runs Dashpot can do nothing about it, and stderr holds logs. */
function swallowStrippingWarning() {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  stripTypeScriptTypes("");
  process.emitWarning = emitWarning;
}
