/** What one writes first: `node naive-proxy.ts PORT STREAM_PORT BACKEND_PORT...`, node:http in front, undici behind, round robin. */
import http from "node:http";
import { Agent } from "undici";

const [port, streamPort, ...backendPorts] = process.argv.slice(2);
const origins = backendPorts.map((backend) => `http://127.0.0.1:${backend}`);
const agent = new Agent({ connections: 128, bodyTimeout: 0, headersTimeout: 0 });
let turn = 0;

http
  .createServer((request, response) => {
    const { method = "GET", url = "/", headers } = request;
    const { host: _, connection: _hop, "transfer-encoding": _coding, ...forwarded } = headers;
    const origin = url.startsWith("/stream")
      ? `http://127.0.0.1:${streamPort}`
      : (origins[turn++ % origins.length] as string);
    const body = method === "GET" ? null : request;
    agent.stream(
      { origin, path: url, method, headers: forwarded, body },
      ({ statusCode, headers }) => {
        const { connection: _ended, ...kept } = headers;
        return response.writeHead(statusCode, kept);
      },
      (error) => {
        if (!error) return;
        if (response.headersSent) response.destroy();
        else response.writeHead(502).end();
      },
    );
  })
  .listen(Number(port), "127.0.0.1", 1_024);
