import assert from "node:assert/strict";
import { it } from "node:test";
import { Client, credentials, Server, ServerCredentials, status } from "@grpc/grpc-js";
import pino from "pino";
import { refuseVariants, UNSERVED_VARIANTS } from "../../../xds/server/unserved-variants.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** How a stream to the method ends. */
function outcome(port: number, method: string): Promise<string> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const asIs = (bytes: Buffer) => bytes;
  const call = client.makeBidiStreamRequest(method, asIs, asIs);
  call.on("error", () => {}).on("data", () => {});
  return new Promise((resolve) => {
    call.on("status", ({ code, details }) => {
      client.close();
      resolve(`${status[code]}: ${decodeURI(details)}`);
    });
  });
}

it("clients that ask for another variant of xDS are told what to ask for, and the log says so once a minute", async (t) => {
  const clock = new FakeClock();
  const logged: string[] = [];
  const write = (line: string): number => logged.push(JSON.parse(line).method);
  const server = new Server();
  server.addService(UNSERVED_VARIANTS, refuseVariants(clock, pino({ level: "warn" }, { write })));
  t.after(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const delta = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
  const clusters = "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters";
  assert.match(await outcome(port, delta), /^UNIMPLEMENTED: .*set api_type GRPC in ads_config/);
  assert.match(await outcome(port, delta), /^UNIMPLEMENTED/);
  assert.match(await outcome(port, clusters), /^UNIMPLEMENTED: only the aggregated/);
  assert.deepEqual(logged, [delta, clusters]);
  clock.advance(60_000);
  await outcome(port, delta);
  assert.deepEqual(logged, [delta, clusters, delta]);
});
