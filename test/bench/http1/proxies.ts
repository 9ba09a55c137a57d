import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import type { Backend } from "./backend.ts";
import { bootstrap } from "./bootstrap.ts";
import { installed, PinnedProcess, PROXY_CORE } from "./pinned-process.ts";

/** A proxy in front of the backend, at work. */
export interface RunningProxy {
  readonly name: string;
  readonly port: number;
  readonly process: PinnedProcess;
}

export interface ProxyPlace {
  readonly directory: string;
  readonly backend: Backend;
  /** Where requests below `/stream` go. */
  readonly streamPort: number;
  /** Where the sidecar exports its traces to. */
  readonly tracesUrl: string;
}

interface ProxyKind {
  readonly name: string;
  /** The program that must be installed; undefined: Node is enough. */
  readonly program: string | undefined;
  start(place: ProxyPlace, port: number, program: string): Promise<PinnedProcess>;
}

export const SIDECAR = "dashpot";
const DASHPOT = join(import.meta.dirname, "../../../sidecar/dashpot.js");
/** Enough for the row with the idle connections. */
const MAX_CONNECTIONS = 16_000;

const KINDS: readonly ProxyKind[] = [
  {
    name: SIDECAR,
    program: undefined,
    async start({ directory, backend, streamPort, tracesUrl }, port) {
      const adminPort = await freePort();
      const ports = { port, adminPort, streamPort, backendPorts: backend.ports };
      const settings = { max_connections: MAX_CONNECTIONS, trace_sample_ratio: 0.01 };
      const file = join(directory, `dashpot-${port}.json`);
      writeFileSync(file, JSON.stringify({ ...bootstrap(ports), dashpot: settings }));
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: tracesUrl,
        // Of its own, so that what ran on this machine before makes no difference.
        NODE_COMPILE_CACHE: join(directory, "compiled"),
      };
      return new PinnedProcess(PROXY_CORE, process.execPath, [DASHPOT, "sidecar", "-c", file], env);
    },
  },
  {
    name: "haproxy",
    program: "haproxy",
    async start({ directory, backend, streamPort }, port, program) {
      const file = join(directory, "haproxy.cfg");
      writeFileSync(file, haproxyConfiguration(port, streamPort, backend.ports));
      return new PinnedProcess(PROXY_CORE, program, ["-db", "-f", file]);
    },
  },
  {
    name: "nginx",
    program: "nginx",
    async start({ directory, backend, streamPort }, port, program) {
      const file = join(directory, "proxy.conf");
      writeFileSync(file, nginxConfiguration(directory, port, streamPort, backend.ports));
      return new PinnedProcess(PROXY_CORE, program, ["-e", "stderr", "-c", file]);
    },
  },
  {
    name: "naive",
    program: undefined,
    async start({ backend, streamPort }, port) {
      const script = join(import.meta.dirname, "naive-proxy.ts");
      const args = [script, ...[port, streamPort, ...backend.ports].map(String)];
      return new PinnedProcess(PROXY_CORE, process.execPath, args);
    },
  },
  {
    name: "envoy",
    program: "envoy",
    async start({ directory, backend, streamPort }, port, program) {
      const file = join(directory, "envoy.json");
      const ports = { port, adminPort: await freePort(), streamPort, backendPorts: backend.ports };
      writeFileSync(file, JSON.stringify(bootstrap(ports)));
      return new PinnedProcess(PROXY_CORE, program, [
        "-c",
        file,
        "--concurrency",
        "1",
        "-l",
        "error",
        "--use-dynamic-base-id",
      ]);
    },
  },
];

/** The sidecar and those rivals that the machine has (of `rivals`, where given); `onAbsent` hears of the others. */
export async function startProxies(
  place: ProxyPlace,
  rivals: readonly string[] | undefined,
  onAbsent: (reason: string) => void,
): Promise<RunningProxy[]> {
  const started: RunningProxy[] = [];
  for (const kind of KINDS) {
    if (rivals && kind.name !== SIDECAR && !rivals.includes(kind.name)) continue;
    const program = kind.program === undefined ? "" : installed(kind.program);
    if (program === undefined) onAbsent(`${kind.name} is skipped: it is not installed`);
    else started.push(await start(kind, place, program));
  }
  return started;
}

/** One more of a kind, that nothing has gone through yet; undefined where it is not installed. */
export async function startFresh(name: string, place: ProxyPlace): Promise<RunningProxy | undefined> {
  const kind = KINDS.find((candidate) => candidate.name === name) as ProxyKind;
  const program = kind.program === undefined ? "" : installed(kind.program);
  return program === undefined ? undefined : start(kind, place, program);
}

async function start(kind: ProxyKind, place: ProxyPlace, program: string): Promise<RunningProxy> {
  const port = await freePort();
  const running = await kind.start(place, port, program);
  await running.listening(port);
  return { name: kind.name, port, process: running };
}

function haproxyConfiguration(port: number, streamPort: number, backendPorts: readonly number[]): string {
  const servers = backendPorts.map((backend, i) => `  server s${i} 127.0.0.1:${backend}`);
  return `
global
  nbthread 1
  no strict-limits
  maxconn ${MAX_CONNECTIONS}
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend outbound
  bind 127.0.0.1:${port}
  use_backend stream if { path_beg /stream }
  default_backend all
backend all
  balance roundrobin
${servers.join("\n")}
backend stream
  server stream 127.0.0.1:${streamPort}
`;
}

function nginxConfiguration(
  directory: string,
  port: number,
  streamPort: number,
  backendPorts: readonly number[],
): string {
  return `
daemon off;
master_process off;
error_log stderr error;
pid ${directory}/proxy.pid;
worker_rlimit_nofile ${2 * MAX_CONNECTIONS};
events { worker_connections ${MAX_CONNECTIONS}; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_max_body_size 0;
  client_body_temp_path ${directory}/proxy-body;
  proxy_temp_path ${directory}/proxy-temp;
  upstream all {
    ${backendPorts.map((backend) => `server 127.0.0.1:${backend};`).join("\n    ")}
    keepalive 128;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    location / { proxy_pass http://all; }
    location /stream {
      proxy_pass http://127.0.0.1:${streamPort};
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 1h;
      proxy_send_timeout 1h;
    }
  }
}
`;
}
