import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { installed, LOAD_CORE, PinnedProcess } from "./pinned-process.ts";

export const SMALL_BODY = "x".repeat(100);
export const LARGE_BODY_BYTES = 64 * 1_024;
const ENDPOINTS = 3;

/** The same three endpoints behind every proxy. */
export interface Backend {
  readonly name: string;
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

/** nginx where it is installed, because it costs the load's core least; a Node server elsewhere. */
export async function startBackend(directory: string): Promise<Backend> {
  const ports = await Promise.all(Array.from({ length: ENDPOINTS }, freePort));
  const nginx = installed("nginx");
  let server: PinnedProcess;
  if (nginx) {
    writeFileSync(join(directory, "large"), Buffer.alloc(LARGE_BODY_BYTES, "x"));
    const file = join(directory, "backend.conf");
    writeFileSync(file, nginxConfiguration(directory, ports));
    server = new PinnedProcess(LOAD_CORE, nginx, ["-e", "stderr", "-c", file]);
  } else {
    const script = join(import.meta.dirname, "node-backend.ts");
    server = new PinnedProcess(LOAD_CORE, process.execPath, [script, ...ports.map(String)]);
  }
  await Promise.all(ports.map((port) => server.listening(port)));
  return { name: nginx ? "nginx" : "node", ports, stop: () => server.stop() };
}

function nginxConfiguration(directory: string, ports: readonly number[]): string {
  return `
daemon off;
master_process off;
error_log stderr error;
pid ${directory}/backend.pid;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path ${directory}/backend-body;
  client_body_buffer_size 64k;
  server {
    ${ports.map((port) => `listen 127.0.0.1:${port} reuseport;`).join("\n    ")}
    default_type text/plain;
    location / { return 200 "${SMALL_BODY}"; }
    location /large { root ${directory}; }
  }
}
`;
}
