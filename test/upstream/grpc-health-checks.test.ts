import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Metadata, Server, ServerCredentials, type sendUnaryData, status } from "@grpc/grpc-js";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import type { UpstreamTls } from "../../xds/model/tls.ts";
import {
  type HealthCheckRequest,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from "../../xds/proto/gen/grpc/health/v1/health_pb.js";
import { eventually } from "../support/eventually.ts";
import { cluster, ProxyBed } from "../support/proxy-bed.ts";
import { ScriptedBackend } from "../support/raw-http.ts";

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = HealthCheckResponse_ServingStatus;

const CHECK_METHOD = {
  path: "/grpc.health.v1.Health/Check",
  requestStream: false,
  responseStream: false,
  requestDeserialize: (bytes: Buffer) => fromBinary(HealthCheckRequestSchema, bytes),
  requestSerialize: () => Buffer.alloc(0),
  responseSerialize: (servingStatus: number) =>
    Buffer.from(
      toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status: servingStatus })),
    ),
  responseDeserialize: (bytes: Buffer) => bytes,
};

interface Call {
  readonly request: HealthCheckRequest;
  readonly metadata: Metadata;
  getHost(): string;
}

type Answer = { readonly serving: number } | { readonly code: status } | "none";

/** A gRPC server whose health is what a test says. */
class HealthServer {
  answer: Answer = { serving: SERVING };
  calls: Call[] = [];
  port = 0;
  readonly #server = new Server();

  static async start(
    t: TestContext,
    { withHealth = true, credentials = ServerCredentials.createInsecure() } = {},
  ): Promise<HealthServer> {
    const made = new HealthServer();
    if (withHealth) {
      made.#server.addService(
        { check: CHECK_METHOD },
        { check: (call: Call, done: sendUnaryData<number>) => made.#answer(call, done) },
      );
    }
    made.port = await new Promise<number>((resolve, reject) => {
      made.#server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    t.after(() => made.#server.forceShutdown());
    return made;
  }

  #answer(call: Call, done: sendUnaryData<number>): void {
    this.calls.push(call);
    const { answer } = this;
    if (answer === "none") return;
    if ("serving" in answer) done(null, answer.serving);
    else done({ code: answer.code, details: "as told" });
  }
}

function healthCheck(changes: Partial<Extract<HealthCheck["check"], { kind: "grpc" }>> = {}): HealthCheck {
  return {
    timeoutMs: 60_000,
    intervalMs: 1,
    intervalJitterMs: 0,
    intervalJitterPercent: 0,
    initialJitterMs: 0,
    // Never reached by what may pass, such as a connection that breaks.
    unhealthyThreshold: 1_000_000,
    healthyThreshold: 1,
    unhealthyIntervalMs: 1,
    unhealthyEdgeIntervalMs: 1,
    healthyEdgeIntervalMs: 1,
    check: { kind: "grpc", serviceName: "", authority: "", metadata: [], ...changes },
  };
}

async function checked(
  t: TestContext,
  port: number,
  check: HealthCheck,
  tls?: UpstreamTls,
): Promise<() => boolean> {
  const bed = await ProxyBed.start({ clusters: [cluster("orders", [port], { healthChecks: [check], tls })] });
  t.after(() => bed.close());
  return () => bed.proxy.clusters()[0]?.balancer.endpoints[0]?.health === "healthy";
}

function pem(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, "../support/certificates", `${name}.pem`));
}

suite("health checks over gRPC", () => {
  test("an endpoint is well while it serves, and sick at its first other answer", async (t) => {
    const server = await HealthServer.start(t);
    const isWell = await checked(t, server.port, healthCheck());
    await eventually(() => server.calls.length > 2 && isWell(), "it is found well");
    const answers: Answer[] = [
      { serving: NOT_SERVING },
      { serving: SERVICE_UNKNOWN },
      { code: status.NOT_FOUND },
      { code: status.UNIMPLEMENTED },
    ];
    for (const answer of answers) {
      server.answer = answer;
      await eventually(() => !isWell(), `${JSON.stringify(answer)} makes it sick`);
      server.answer = { serving: SERVING };
      await eventually(isWell, "it is found well again");
    }
  });

  test("a server without the health service is sick, as in Envoy", async (t) => {
    const server = await HealthServer.start(t, { withHealth: false });
    const isWell = await checked(t, server.port, healthCheck());
    await eventually(() => !isWell(), "it is found sick");
  });

  test("a server that speaks no HTTP/2 is sick", async (t) => {
    const backend = await ScriptedBackend.answering("hello");
    t.after(() => backend.close());
    const isWell = await checked(t, backend.port, healthCheck());
    await eventually(() => !isWell(), "it is found sick");
  });

  test("a call that is not answered is a failed probe at the timeout", async (t) => {
    const server = await HealthServer.start(t);
    server.answer = "none";
    const isWell = await checked(t, server.port, { ...healthCheck(), timeoutMs: 20, unhealthyThreshold: 2 });
    await eventually(() => !isWell(), "it is found sick");
  });

  test("the call names the service and the authority, and carries the metadata", async (t) => {
    const server = await HealthServer.start(t);
    const named = healthCheck({
      serviceName: "shop.Orders",
      authority: "orders.test",
      metadata: [["x-team", "a"]],
    });
    await checked(t, server.port, named);
    await eventually(() => server.calls.length > 0, "it is asked");
    const [call] = server.calls;
    assert.equal(call?.request.service, "shop.Orders");
    assert.equal(call?.getHost(), "orders.test");
    assert.deepEqual(call?.metadata.get("x-team"), ["a"]);
    assert.deepEqual(call?.metadata.get("content-type"), []);
  });

  test("without an authority the call is for the cluster", async (t) => {
    const server = await HealthServer.start(t);
    await checked(t, server.port, healthCheck());
    await eventually(() => server.calls.length > 0, "it is asked");
    assert.equal(server.calls[0]?.getHost(), "orders");
  });

  for (const [what, sni, well] of [
    ["is asked by the cluster's TLS", "server.test", true],
    ["with a certificate for another name is sick", "other.test", false],
  ] as const) {
    test(`a server ${what}`, async (t) => {
      const pair = { private_key: pem("server-key"), cert_chain: pem("server") };
      const server = await HealthServer.start(t, { credentials: ServerCredentials.createSsl(null, [pair]) });
      const isWell = await checked(t, server.port, healthCheck(), {
        minVersion: "TLSv1.2",
        maxVersion: "TLSv1.3",
        alpn: ["http/1.1"],
        certificate: undefined,
        validation: { trustedCa: { kind: "inline", pem: pem("ca").toString() }, subjectAltNames: [] },
        sni,
        autoHostSni: false,
        autoSniSanValidation: true,
      });
      if (well) await eventually(() => server.calls.length > 2 && isWell(), "it is found well");
      else await eventually(() => !isWell(), "it is found sick");
    });
  }
});
