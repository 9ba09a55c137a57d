/**
 * What a proxied HTTP/1.1 request costs: the sidecar with everything on beside HAProxy, nginx, Envoy (where installed) and a naive Node
 * proxy, all before the same backend. Proxy and load have a core each, and the rivals take turns. Progress goes to stderr, one JSON object
 * with ratios to each rival to stdout.
 *
 *   node test/bench/http1.ts [--quick] [--only get,close,large,post,tail,idle,stream,decision] [--rivals haproxy,naive]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startBackend } from "./http1/backend.ts";
import { decisionRow } from "./http1/decision-row.ts";
import { loaderName, type Work } from "./http1/load.ts";
import { idleRow, streamRow } from "./http1/memory-rows.ts";
import { isPinned, pinSelf } from "./http1/pinned-process.ts";
import { SIDECAR, startProxies } from "./http1/proxies.ts";
import { CONNECTIONS, cpuRow, FULL, QUICK, tailRow } from "./http1/rows.ts";
import { StreamPeer } from "./http1/stream-peer.ts";
import { startTraceSink } from "./http1/trace-sink.ts";

const SMALL: Work = { name: "get", title: "small GET", path: "/", bodyBytes: 0, closes: false };
const CLOSE: Work = { ...SMALL, name: "close", title: "small GET on a new connection", closes: true };
const LARGE: Work = { name: "large", title: "64 KiB response", path: "/large", bodyBytes: 0, closes: false };
const POST: Work = { name: "post", title: "1 KiB POST", path: "/", bodyBytes: 1_024, closes: false };

const { values } = parseArgs({
  options: { quick: { type: "boolean" }, only: { type: "string" }, rivals: { type: "string" } },
});
const effort = values.quick ? QUICK : FULL;
const rivals = values.rivals?.split(",");

const directory = mkdtempSync(join(tmpdir(), "dashpot-bench-"));
pinSelf();
if (!isPinned) tell("proxy and load share cores: there is one core only, or no taskset");
const [backend, peer, sink] = await Promise.all([
  startBackend(directory),
  StreamPeer.start(),
  startTraceSink(),
]);
const place = { directory, backend, streamPort: peer.port, tracesUrl: sink.url };
const all = await startProxies(place, rivals, tell);
const without = (...names: string[]) => all.filter(({ name }) => !names.includes(name));

const ROWS = {
  get: () => cpuRow(SMALL, all, effort, directory),
  close: () => cpuRow(CLOSE, all, effort, directory),
  large: () => cpuRow(LARGE, all, effort, directory),
  post: () => cpuRow(POST, all, effort, directory),
  tail: () => tailRow(SMALL, all, effort, directory),
  idle: () =>
    idleRow(
      all.map(({ name }) => name),
      place,
      SMALL,
      effort,
    ),
  // nginx keeps what it reads ahead, and the naive proxy what undici does: their bounds are not the question here.
  stream: () => streamRow(without("nginx", "naive"), peer, SMALL, effort, directory),
  decision: () => decisionRow(effort),
};
type RowName = keyof typeof ROWS;
const wanted = values.only?.split(",") ?? Object.keys(ROWS);
for (const name of wanted) {
  if (!(name in ROWS)) throw new Error(`there is no row "${name}", only ${Object.keys(ROWS).join(", ")}`);
}

const rows: Record<string, object> = {};
for (const name of wanted as RowName[]) {
  const begun = performance.now();
  rows[name] = await ROWS[name]();
  tell(`${name} (${((performance.now() - begun) / 1_000).toFixed(1)} s): ${JSON.stringify(rows[name])}`);
}
await Promise.all([...all.map(({ process }) => process.stop()), backend.stop()]);
rmSync(directory, { recursive: true, force: true });
const machine = { cores: cpus().length, model: cpus()[0]?.model ?? "", node: process.version };
const setting = {
  subject: SIDECAR,
  backend: backend.name,
  loader: loaderName,
  connections: CONNECTIONS,
  isPinned,
};
process.stdout.write(
  `${JSON.stringify({ bench: "http1", machine, ...setting, rounds: effort.rounds, rows })}\n`,
);
process.exit(0);

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
