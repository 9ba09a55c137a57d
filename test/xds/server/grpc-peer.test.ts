import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { promisify } from "node:util";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { systemClock } from "../../../xds/common/clock.ts";
import { createLogger } from "../../../xds/common/logger.ts";
import { startControlServer } from "../../../xds/server/control-server.ts";

const run = promisify(execFile);
const PYTHON = "/usr/bin/python3";
/** grpcio is the C++ client: written by others, from the same protocol. */
const CALL = `
import grpc
with grpc.insecure_channel("xds:///echo") as channel:
    print(channel.unary_unary("/test.Echo/Say")(b"hello", timeout=20).decode())
`;

const present = await run(PYTHON, ["-c", "import grpc"]).then(
  () => true,
  () => false,
);

function echoServer(): Promise<{ port: number; close(): void }> {
  const server = new Server();
  const asIs = (bytes: Buffer) => bytes;
  const method = {
    path: "/test.Echo/Say",
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
  server.addService(
    { say: method },
    {
      say: (call: { request: Buffer }, answer: (error: null, reply: Buffer) => void) =>
        answer(null, call.request),
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(error);
      else resolve({ port, close: () => server.forceShutdown() });
    });
  });
}

it("gRPC's own client finds a service through the control server", {
  skip: present ? false : `${PYTHON} has no grpcio (Debian: python3-grpcio)`,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "dashpot-peer-"));
  const file = join(folder, "mesh.yaml");
  const backend = await echoServer();
  await writeFile(
    file,
    `services: [{ name: echo, endpoints: ["127.0.0.1:${backend.port}"], policy: adaptive }]
listeners: [{ name: echo, grpc: true }]
`,
  );
  const server = await startControlServer({
    file,
    address: "127.0.0.1:0",
    adminAddress: "127.0.0.1:0",
    logger: createLogger("silent"),
    clock: systemClock,
  });
  try {
    const bootstrap = {
      xds_servers: [
        { server_uri: server.address, channel_creds: [{ type: "insecure" }], server_features: ["xds_v3"] },
      ],
      node: { id: "peer", locality: {} },
    };
    const env = { GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap) };
    const { stdout } = await run(PYTHON, ["-c", CALL], { env, timeout: 30_000 });
    assert.equal(stdout, "hello\n");
  } finally {
    await server.close();
    backend.close();
    await rm(folder, { recursive: true, force: true });
  }
});
