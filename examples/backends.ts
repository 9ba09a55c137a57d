/**
 * Backends to play with: `node examples/backends.ts 9001 9002 9003`. Each answers with its port after some milliseconds; add `:slow`
 * or `:failing` to a port to make it sick (`9002:slow`).
 */
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const USUAL_MS = 10;
const SLOW_MS = 200;

export function startBackend(port: number, behaviour = ""): Promise<{ port: number; close(): void }> {
  const server = createServer((_request, response) => {
    const status = behaviour === "failing" ? 500 : 200;
    const delay = behaviour === "failing" ? 0 : behaviour === "slow" ? SLOW_MS : USUAL_MS;
    setTimeout(() => response.writeHead(status).end(`backend on port ${bound()}\n`), delay);
  });
  const bound = (): number => (server.address() as { port: number }).port;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      resolve({
        port: bound(),
        close() {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const argument of process.argv.slice(2)) {
    const [port, behaviour] = argument.split(":");
    const backend = await startBackend(Number(port), behaviour);
    process.stdout.write(`backend on 127.0.0.1:${backend.port} ${behaviour ?? ""}\n`);
  }
}
