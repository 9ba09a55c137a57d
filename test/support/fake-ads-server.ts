import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "../../xds/proto/gen/envoy/service/discovery/v3/discovery_pb.js";

type Stream = ServerDuplexStream<DiscoveryRequest, Uint8Array>;

const asBuffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const SERVICE = {
  streamAggregatedResources: {
    path: "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
    requestStream: true,
    responseStream: true,
    requestDeserialize: (bytes: Buffer) => fromBinary(DiscoveryRequestSchema, bytes),
    requestSerialize: () => Buffer.alloc(0),
    responseSerialize: asBuffer,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
};

/** A control server that does nothing by itself: a test reads what the client asked and says what is answered. */
export class FakeAdsServer {
  readonly #server: Server;
  readonly #requests: DiscoveryRequest[] = [];
  readonly #waiting: {
    matches: (request: DiscoveryRequest) => boolean;
    found: (request: DiscoveryRequest) => void;
  }[] = [];
  #stream: Stream | undefined;
  #nonce = 0;
  streams = 0;
  port = 0;

  private constructor() {
    this.#server = new Server({ "grpc.max_send_message_length": -1 });
    this.#server.addService(SERVICE, { streamAggregatedResources: (stream: Stream) => this.#accept(stream) });
  }

  /** Listens on loopback; port 0 takes a free one. */
  static async start(port = 0): Promise<FakeAdsServer> {
    const fake = new FakeAdsServer();
    fake.port = await new Promise<number>((resolve, reject) => {
      fake.#server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return fake;
  }

  get target(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The first request that `matches` of those that no earlier call has taken, or the next one to come. */
  request(matches: (request: DiscoveryRequest) => boolean): Promise<DiscoveryRequest> {
    const at = this.#requests.findIndex(matches);
    if (at >= 0) return Promise.resolve(this.#requests.splice(at, 1)[0]!);
    return new Promise((found) => this.#waiting.push({ matches, found }));
  }

  /** The next request of a type, whatever it says. */
  requestOf(typeUrl: string): Promise<DiscoveryRequest> {
    return this.request((request) => request.typeUrl === typeUrl);
  }

  /** Sends a response and waits until the client has answered it. */
  async respond(
    typeUrl: string,
    versionInfo: string,
    resources: readonly { readonly typeUrl: string; readonly value: Uint8Array }[],
  ): Promise<DiscoveryRequest> {
    const nonce = `nonce-${++this.#nonce}`;
    const response = create(DiscoveryResponseSchema, { typeUrl, versionInfo, nonce });
    response.resources = resources.map(({ typeUrl, value }) => ({
      $typeName: "google.protobuf.Any",
      typeUrl,
      value,
    }));
    this.send(toBinary(DiscoveryResponseSchema, response));
    return this.request((request) => request.responseNonce === nonce);
  }

  send(bytes: Uint8Array): void {
    this.#stream!.write(bytes);
  }

  /** Ends the stream as a server does that sheds load: with status OK. */
  endStream(): void {
    this.#stream?.end();
  }

  /** Cuts all connections and gives the port free. */
  stop(): void {
    this.#server.forceShutdown();
  }

  #accept(stream: Stream): void {
    this.streams++;
    this.#stream = stream;
    stream.on("error", () => {});
    stream.on("end", () => stream.end());
    stream.on("data", (request: DiscoveryRequest) => {
      const at = this.#waiting.findIndex(({ matches }) => matches(request));
      if (at < 0) this.#requests.push(request);
      else this.#waiting.splice(at, 1)[0]!.found(request);
    });
  }
}
