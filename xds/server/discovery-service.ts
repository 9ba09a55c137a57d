import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { handleBidiStreamingCall, ServiceDefinition } from "@grpc/grpc-js";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../proto/gen/envoy/service/discovery/v3/discovery_pb.js";
import type { StreamOptions } from "../protocol/server-stream.ts";
import { ClientConnection, type ClientStatus, type DiscoveryCall, endWith } from "./client-connection.ts";
import type { MeshStore } from "./mesh-store.ts";

const PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/** The state-of-the-world aggregated stream. */
export const AGGREGATED_DISCOVERY = {
  streamAggregatedResources: {
    path: PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: (message: DiscoveryRequest) => Buffer.from(toBinary(DiscoveryRequestSchema, message)),
    requestDeserialize: (bytes: Buffer) => fromBinary(DiscoveryRequestSchema, bytes),
    responseSerialize: (message: DiscoveryResponse) => asBuffer(toBinary(DiscoveryResponseSchema, message)),
    responseDeserialize: (bytes: Buffer) => fromBinary(DiscoveryResponseSchema, bytes),
  },
} as const satisfies ServiceDefinition;

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface DiscoveryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Streams at one time; the next one gets RESOURCE_EXHAUSTED. */
  readonly maxStreams: number;
  readonly stream: StreamOptions;
}

/** Serves the store's snapshot to every stream. */
export class DiscoveryService {
  readonly #store: MeshStore;
  readonly #options: DiscoveryOptions;
  readonly #connections = new Set<ClientConnection>();
  #opened = 0;
  #refused = 0;

  constructor(store: MeshStore, options: DiscoveryOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Streams that were turned away because there were too many. */
  get refused(): number {
    return this.#refused;
  }

  readonly handle: handleBidiStreamingCall<DiscoveryRequest, DiscoveryResponse> = (call: DiscoveryCall) => {
    if (this.#connections.size >= this.#options.maxStreams) {
      this.#refused++;
      endWith(
        call,
        "RESOURCE_EXHAUSTED",
        `the control server has ${this.#options.maxStreams} streams, its bound`,
      );
      return;
    }
    const connection = new ClientConnection(++this.#opened, call, this.#store, this.#options, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  };

  clients(): ClientStatus[] {
    return [...this.#connections].map((connection) => connection.status());
  }

  /** Ends every stream; the clients come back to whoever answers next. */
  close(): void {
    for (const connection of this.#connections)
      connection.end("UNAVAILABLE", "the control server is shutting down");
  }
}
