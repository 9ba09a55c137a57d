import type {
  ClientHttp2Session,
  IncomingHttpHeaders,
  IncomingHttpStatusHeader,
  OutgoingHttpHeaders,
} from "node:http2";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import { MAX_ANSWER_BYTES, type Question } from "./health-question.ts";

type GrpcCheck = Extract<HealthCheck["check"], { kind: "grpc" }>;

/** Of a message in a gRPC body: one byte that says whether it is compressed, four with its length. */
const PREFIX_BYTES = 5;

/**
 * One call of `grpc.health.v1.Health/Check`. It is made on HTTP/2 itself: @grpc/grpc-js opens its connections by itself, so the
 * cluster's TLS (no name for an IP address, its own rule for names) and the code of a local error would be lost. As in Envoy, an
 * endpoint is well when it answers SERVING; any other answer, UNIMPLEMENTED too, needs no second opinion.
 */
export function grpcQuestion({ serviceName, authority, metadata }: GrpcCheck, cluster: string): Question {
  return async (socket, endpoint) => {
    // Loaded when first needed: most sidecars do without.
    const [{ connect }, { create, fromBinary, toBinary }, health] = await Promise.all([
      import("node:http2"),
      import("@bufbuild/protobuf"),
      import("../../xds/proto/gen/grpc/health/v1/health_pb.js"),
    ]);
    const request = toBinary(
      health.HealthCheckRequestSchema,
      create(health.HealthCheckRequestSchema, { service: serviceName }),
    );
    const session = connect("http://endpoint", {
      createConnection: () => socket,
      settings: { enablePush: false },
    });
    try {
      const headers = {
        ...Object.fromEntries(metadata),
        ":method": "POST",
        ":scheme": "encrypted" in socket ? "https" : "http",
        ":authority": authority || endpoint.hostname || cluster,
        ":path": "/grpc.health.v1.Health/Check",
        "content-type": "application/grpc",
        te: "trailers",
      };
      const answer = await call(session, headers, framed(request));
      if (answer.status !== 200 || answer.grpcStatus !== "0") return "fatal";
      const response = fromBinary(health.HealthCheckResponseSchema, answer.body.subarray(PREFIX_BYTES));
      return response.status === health.HealthCheckResponse_ServingStatus.SERVING ? "passed" : "fatal";
    } finally {
      session.destroy();
    }
  };
}

interface Answer {
  readonly status: number | undefined;
  readonly grpcStatus: string | undefined;
  readonly body: Buffer;
}

/** Resolves when the stream has ended as it should; `grpc-status` stands in the trailers, or in the only head of an answer without a body. */
function call(session: ClientHttp2Session, headers: OutgoingHttpHeaders, message: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headers);
    const fields: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
    const take = (more: IncomingHttpHeaders): unknown => Object.assign(fields, more);
    const chunks: Buffer[] = [];
    let bytes = 0;
    session.on("error", reject);
    stream.on("error", reject);
    stream.on("response", take);
    stream.on("trailers", take);
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) stream.destroy(new Error("the answer is too long"));
      else chunks.push(chunk);
    });
    stream.on("close", () => {
      if (stream.rstCode !== 0 || fields[":status"] === undefined) reject(new Error("no whole answer"));
      const grpcStatus = fields["grpc-status"];
      resolve({ status: fields[":status"], grpcStatus: grpcStatus?.toString(), body: Buffer.concat(chunks) });
    });
    stream.end(message);
  });
}

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}
