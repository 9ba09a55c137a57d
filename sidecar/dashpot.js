#!/usr/bin/env node
// Plain old JavaScript, so that a Node too old for everything else can still read this far and say so.
const OLDEST_MAJOR = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_MAJOR) {
  process.stderr.write(
    `dashpot: needs Node ${OLDEST_MAJOR} or newer, but ${process.execPath} is ${process.version}; in a clone, \`npm ci\` brings one that \`npm run\` uses\n`,
  );
  process.exit(2);
}

await import("./compile-cache.js");
await import("./strip-types.js");
await import("./lean-http.js");
const { main } = await import("./main.ts");
await main(process.argv.slice(2));
