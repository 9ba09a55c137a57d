import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";

/**
 * To be preloaded into a command (`NODE_OPTIONS=--import`): when it ends, what it loaded stands in the file that `LOADED_MODULES`
 * names, one module's URL per line, Node's internal ones by their own names.
 */
const loaded: string[] = [];

registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});

process.on("exit", () => {
  const { moduleLoadList = [] } = process as { moduleLoadList?: readonly string[] };
  const { LOADED_MODULES: file = "" } = process.env;
  writeFileSync(file, [...loaded, ...moduleLoadList].join("\n"));
});
