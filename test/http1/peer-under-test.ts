import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { corpusBootstrap } from "./corpus-bootstrap.ts";
import { LOOPBACK } from "./loopback.ts";
import type { ProxyUnderTest, StagedCase } from "./proxy-under-test.ts";
import type { Comparison } from "./wire-message.ts";

/** Another proxy, as it is installed on this machine: how it is told to do what the sidecar does. */
export interface Peer {
  readonly name: string;
  /** Of this version the known differences are written down in the corpus. */
  readonly version: string;
  /** Looked for in PATH and where the system keeps its daemons. */
  readonly command: string;
  readonly versionFlag: string;
  /** The name of its configuration's file. */
  readonly file: string;
  readonly args: (file: string, folder: string) => readonly string[];
  readonly configuration: (cases: readonly StagedCase[], ports: readonly number[], folder: string) => string;
  readonly comparison: Comparison;
  /** Whether a case may set fields of Envoy's configuration: the peer reads the same. */
  readonly readsBootstraps: boolean;
}

/** What this hop says about itself: each proxy something else. */
const OWN = [
  "connection",
  "keep-alive",
  "via",
  "traceparent",
  "x-request-id",
  "x-forwarded-proto",
  "server",
  "date",
];

export const HAPROXY: Peer = {
  name: "haproxy",
  version: "2.6.",
  command: "haproxy",
  versionFlag: "-v",
  file: "haproxy.cfg",
  args: (file) => ["-db", "-q", "-f", file],
  configuration: (cases, ports) =>
    [
      "global",
      "  maxconn 8000",
      "  tune.bufsize 131072",
      "  tune.http.maxhdr 1000",
      "defaults",
      "  mode http",
      "  timeout connect 5s",
      "  timeout client 30s",
      "  timeout server 30s",
      "  http-reuse always",
      ...cases.flatMap(({ originPort }, index) => [
        `listen case-${index}`,
        `  bind ${LOOPBACK}:${ports[index]}`,
        `  server origin ${LOOPBACK}:${originPort}`,
      ]),
      "",
    ].join("\n"),
  comparison: { own: new Set(OWN), exact: false },
  readsBootstraps: false,
};

export const NGINX: Peer = {
  name: "nginx",
  version: "1.22.",
  command: "nginx",
  versionFlag: "-v",
  file: "nginx.conf",
  args: (file, folder) => ["-p", folder, "-e", "stderr", "-c", file],
  configuration: (cases, ports, folder) =>
    [
      "daemon off;",
      "master_process off;",
      `pid ${folder}/nginx.pid;`,
      "error_log stderr crit;",
      "events { worker_connections 8000; }",
      "http {",
      "  access_log off;",
      ...["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (name) => `  ${name}_temp_path ${folder}/${name};`,
      ),
      "  large_client_header_buffers 4 64k;",
      "  proxy_buffer_size 64k;",
      "  proxy_buffers 8 64k;",
      "  merge_slashes off;",
      "  proxy_http_version 1.1;",
      '  proxy_set_header Connection "";',
      "  proxy_set_header Host $http_host;",
      "  proxy_buffering off;",
      "  proxy_request_buffering off;",
      "  proxy_next_upstream off;",
      ...cases.flatMap(({ originPort }, index) => [
        `  upstream origin-${index} { server ${LOOPBACK}:${originPort} max_fails=0; keepalive 8; }`,
        `  server { listen ${LOOPBACK}:${ports[index]}; location / { proxy_pass http://origin-${index}; } }`,
      ]),
      "}",
      "",
    ].join("\n"),
  comparison: { own: new Set(OWN), exact: false },
  readsBootstraps: false,
};

/** What the sidecar does without being asked, and Envoy only when it is. */
const LIKE_THE_SIDECAR = {
  codec_type: "HTTP1",
  // An idle connection is drained before it ends.
  drain_timeout: "0.1s",
  proxy_100_continue: true,
  http_protocol_options: { accept_http_10: true, enable_trailers: true },
};

export const ENVOY: Peer = {
  name: "envoy",
  version: "1.40.",
  command: "envoy",
  versionFlag: "--version",
  file: "envoy.json",
  args: (file) => ["-c", file, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "critical"],
  configuration: (cases, ports) => JSON.stringify(corpusBootstrap(cases, ports, LIKE_THE_SIDECAR)),
  comparison: {
    own: new Set([...OWN, "x-envoy-expected-rq-timeout-ms", "x-envoy-upstream-service-time"]),
    exact: false,
  },
  readsBootstraps: true,
};

export const PEERS: readonly Peer[] = [HAPROXY, NGINX, ENVOY];

/** Where the peer's program lies. */
function programOf({ command }: Peer): string | undefined {
  const { PATH = "" } = process.env;
  return `${PATH}:/usr/sbin:/usr/local/sbin`
    .split(":")
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path));
}

/** Why the peer cannot be compared with here; undefined: it can. */
export function whyAbsent(peer: Peer): string | undefined {
  const { name, version, versionFlag } = peer;
  const program = programOf(peer);
  if (!program) return `${name} is not installed`;
  // nginx tells its version on stderr.
  const { stdout, stderr } = spawnSync(program, [versionFlag], { encoding: "utf8" });
  const found = /\b(\d+\.\d+\.\d+)/.exec(stdout + stderr)?.[1] ?? "unknown";
  if (found.startsWith(version)) return undefined;
  return `${name} is ${found}, and the differences are written down for ${version}x`;
}

/** Free ports are found before the peer binds them, and others on the machine may be faster. */
const STARTS = 3;

export async function startPeer(peer: Peer, cases: readonly StagedCase[]): Promise<ProxyUnderTest> {
  for (let start = 1; ; start++) {
    try {
      return await tryStart(peer, cases);
    } catch (error) {
      if (start === STARTS) throw error;
    }
  }
}

async function tryStart(peer: Peer, cases: readonly StagedCase[]): Promise<ProxyUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), `dashpot-${peer.name}-`));
  const ports = await freePorts(cases.length);
  const file = join(folder, peer.file);
  await writeFile(file, peer.configuration(cases, ports, folder));
  const child = spawn(programOf(peer) ?? peer.command, peer.args(file, folder), {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await listening(child, ports.at(-1) ?? 0);
  } catch (error) {
    await stop();
    throw error;
  }
  return { comparison: peer.comparison, port: (index) => ports[index] ?? 0, stop };
}

/** Ports that the kernel just had free, all at once so that no two are the same. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, LOOPBACK));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const LISTENING_MS = 20_000;

/** Waits until somebody takes connections on the port; fails when the process ends before, or nobody does. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4_000);
  });
  for (const end = performance.now() + LISTENING_MS; ; ) {
    if (performance.now() > end) throw new Error(`the peer does not listen: ${said}`);
    if (child.exitCode !== null) throw new Error(`the peer ended: ${said}`);
    const socket = net.connect(port, LOOPBACK);
    const taken = await new Promise<boolean>((resolve) => {
      socket.on("connect", () => resolve(true)).on("error", () => setTimeout(resolve, 20, false));
    });
    socket.destroy();
    if (taken) return;
  }
}
