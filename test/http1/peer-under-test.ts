import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOOPBACK } from "./loopback.ts";
import type { ProxyUnderTest, StagedCase } from "./proxy-under-test.ts";
import type { Comparison } from "./wire-message.ts";

/** Another proxy, as it is installed on this machine: how it is told to do what the sidecar does. */
export interface Peer {
  readonly name: string;
  /** Of this version the known differences are written down in the corpus. */
  readonly version: string;
  readonly command: string;
  readonly versionFlag: string;
  readonly args: (file: string, folder: string) => readonly string[];
  readonly configuration: (cases: readonly StagedCase[], ports: readonly number[], folder: string) => string;
  readonly comparison: Comparison;
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
  command: "/usr/sbin/haproxy",
  versionFlag: "-v",
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
};

export const NGINX: Peer = {
  name: "nginx",
  version: "1.22.",
  command: "/usr/sbin/nginx",
  versionFlag: "-v",
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
};

/** Why the peer cannot be compared with here; undefined: it can. */
export function whyAbsent({ name, version, command, versionFlag }: Peer): string | undefined {
  if (!existsSync(command)) return `${name} is not installed (${command})`;
  // nginx tells its version on stderr.
  const said = execFileSync("/bin/sh", ["-c", `${command} ${versionFlag} 2>&1`], { encoding: "utf8" });
  const found = /\b(\d+\.\d+\.\d+)/.exec(said)?.[1] ?? "unknown";
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
  const file = join(folder, "peer.conf");
  await writeFile(file, peer.configuration(cases, ports, folder));
  const child = spawn(peer.command, peer.args(file, folder), { stdio: ["ignore", "ignore", "pipe"] });
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
