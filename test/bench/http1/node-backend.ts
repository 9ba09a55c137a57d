/** Stands in for nginx as the backend: `node node-backend.ts PORT...` */
import http from "node:http";
import { LARGE_BODY_BYTES, SMALL_BODY } from "./backend.ts";

const large = Buffer.alloc(LARGE_BODY_BYTES, "x");
const small = Buffer.from(SMALL_BODY);

for (const port of process.argv.slice(2)) {
  const server = http.createServer({ keepAliveTimeout: 3_600_000 }, (request, response) => {
    const body = request.url === "/large" ? large : small;
    request.resume().on("end", () => {
      response.writeHead(200, { "content-length": body.length }).end(body);
    });
  });
  server.listen(Number(port), "127.0.0.1", 1_024);
}
