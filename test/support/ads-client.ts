import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials, status as grpcStatus } from "@grpc/grpc-js";
import {
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js";

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

export interface AskOptions {
  readonly names?: readonly string[];
  /** Answers the last response of the type when "ack" or "nack"; no nonce otherwise. */
  readonly answer?: "ack" | "nack";
  readonly reason?: string;
}

/** A scripted client of one aggregated stream: it says exactly what a test tells it to, right or wrong. */
export class AdsClient {
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, DiscoveryResponse>;
  readonly #received: DiscoveryResponse[] = [];
  readonly #last = new Map<string, DiscoveryResponse>();
  #waiting: ((response: DiscoveryResponse) => void) | undefined;
  #first = true;
  readonly #node: string;
  /** How the server ended the stream, e.g. `INVALID_ARGUMENT: ...`. */
  readonly ended: Promise<string>;

  constructor(address: string, node = "test-client") {
    this.#node = node;
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.enable_http_proxy": 0,
      "grpc.use_local_subchannel_pool": 1,
    });
    this.#call = this.#client.makeBidiStreamRequest(
      PATH,
      (bytes: Buffer) => bytes,
      (bytes) => fromBinary(DiscoveryResponseSchema, bytes),
    );
    this.#call.on("data", (response: DiscoveryResponse) => {
      this.#last.set(response.typeUrl, response);
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting) waiting(response);
      else this.#received.push(response);
    });
    this.#call.on("error", () => {});
    this.ended = new Promise((resolve) => {
      this.#call.on("status", ({ code, details }) => resolve(`${grpcStatus[code]}: ${details}`));
    });
  }

  ask(typeUrl: string, { names = [], answer, reason = "no" }: AskOptions = {}): void {
    const last = this.#last.get(typeUrl);
    const request = create(DiscoveryRequestSchema, {
      typeUrl,
      resourceNames: [...names],
      responseNonce: answer ? (last?.nonce ?? "") : "",
      versionInfo: answer === "ack" ? (last?.versionInfo ?? "") : "",
      ...(answer === "nack" && { errorDetail: { code: 3, message: reason } }),
      ...(this.#first && { node: { id: this.#node, cluster: "tests" } }),
    });
    this.#first = false;
    this.sendBytes(Buffer.from(toBinary(DiscoveryRequestSchema, request)));
  }

  /** A message that may be no request at all. */
  sendBytes(bytes: Buffer): void {
    this.#call.write(bytes);
  }

  /** The next response, in the order of the wire. */
  next(): Promise<DiscoveryResponse> {
    const response = this.#received.shift();
    if (response) return Promise.resolve(response);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** Responses that came and were not taken by `next`. */
  get untaken(): number {
    return this.#received.length;
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }
}
