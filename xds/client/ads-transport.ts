import {
  Client,
  type ClientDuplexStream,
  connectivityState,
  status as grpcStatus,
  Metadata,
  type StatusObject,
} from "@grpc/grpc-js";
import { channelCredentials, type XdsServer } from "./xds-server.ts";

/** Why a stream ended: a gRPC status, or its like where there was no stream yet. */
export interface StreamEnd {
  /** The status' name, e.g. `UNAVAILABLE`. */
  readonly code: string;
  readonly reason: string;
}

/**
 * Called in the order open, message..., close; close comes exactly once, also when the stream never opened. None is called before
 * `connect` has returned.
 */
export interface StreamHandlers {
  open(): void;
  message(bytes: Uint8Array): void;
  close(end: StreamEnd): void;
}

export interface AdsStream {
  send(bytes: Uint8Array): void;
  /** Holds further messages back until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the stream; no handler is called any more. */
  abort(): void;
}

/** Opens one bidirectional stream of `AggregatedDiscoveryService` per call. It makes no second try: that is the caller's. */
export interface AdsTransport {
  /** For people: the server's address. */
  readonly target: string;
  connect(handlers: StreamHandlers): AdsStream;
}

export interface GrpcTransportOptions {
  readonly server: XdsServer;
  /** Longest response in bytes. grpc-js alone would stop at 4 MiB, which a few thousand clusters exceed. */
  readonly receiveLimitBytes: number;
  /** Silence after which the connection is probed, in ms: a peer that lost power sends no FIN. */
  readonly keepaliveMs: number;
  /** How long the answer to a probe may take, in ms. */
  readonly keepaliveTimeoutMs: number;
}

const STREAM_PATH = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * ADS over @grpc/grpc-js. Each stream has a channel of its own, closed with it, so that there is one backoff, the caller's, and not
 * a second one hidden in the channel. Messages are passed as bytes: one that cannot be decoded must not end the stream.
 */
export class GrpcTransport implements AdsTransport {
  readonly target: string;
  readonly #options: GrpcTransportOptions;

  constructor(options: GrpcTransportOptions) {
    this.target = options.server.target;
    this.#options = options;
  }

  connect(handlers: StreamHandlers): AdsStream {
    return new GrpcStream(this.#options, handlers);
  }
}

function newChannel(options: GrpcTransportOptions): Client {
  const { target, tls } = options.server;
  const name = tls?.serverName ?? "";
  return new Client(target, channelCredentials(tls), {
    ...(name !== "" && { "grpc.ssl_target_name_override": name, "grpc.default_authority": name }),
    "grpc.max_receive_message_length": options.receiveLimitBytes,
    "grpc.keepalive_time_ms": options.keepaliveMs,
    "grpc.keepalive_timeout_ms": options.keepaliveTimeoutMs,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    // The application's http_proxy may well be this sidecar: its own configuration must not come through itself.
    "grpc.enable_http_proxy": 0,
  });
}

class GrpcStream implements AdsStream {
  #client: Client | undefined;
  readonly #handlers: StreamHandlers;
  #call: ClientDuplexStream<Uint8Array, Uint8Array> | undefined;
  #ended = false;

  constructor(options: GrpcTransportOptions, handlers: StreamHandlers) {
    this.#handlers = handlers;
    try {
      this.#client = newChannel(options);
      this.#awaitConnection(this.#client);
    } catch (error) {
      // A certificate file that cannot be read, a target that is none: the next try may find it mended.
      const reason = error instanceof Error ? error.message : String(error);
      queueMicrotask(() => this.#end({ code: "UNAVAILABLE", reason }));
    }
  }

  send(bytes: Uint8Array): void {
    this.#call?.write(bytes);
  }

  pause(): void {
    this.#call?.pause();
  }

  resume(): void {
    this.#call?.resume();
  }

  abort(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#call?.cancel();
    this.#client?.close();
  }

  /**
   * The stream counts as open once its connection is: a call on a channel that still connects would be queued in silence, and the
   * time that resources may take would run without a server to ask.
   */
  #awaitConnection(client: Client): void {
    const channel = client.getChannel();
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.READY) {
      this.#openCall(client);
      this.#handlers.open();
    } else if (state === connectivityState.TRANSIENT_FAILURE) {
      // The channel does not say what is wrong; a call on it fails at once and does.
      this.#openCall(client);
    } else {
      channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => {
        if (!this.#ended) this.#awaitConnection(client);
      });
    }
  }

  #openCall(client: Client): void {
    const call = client.makeBidiStreamRequest<Uint8Array, Uint8Array>(
      STREAM_PATH,
      asBuffer,
      (bytes) => bytes,
      new Metadata(),
      {},
    );
    this.#call = call;
    call.on("data", (bytes: Uint8Array) => {
      if (!this.#ended) this.#handlers.message(bytes);
    });
    // The status event tells the same with more; without a listener the error would end the process.
    call.on("error", () => {});
    call.on("status", (end: StatusObject) => {
      this.#end({ code: grpcStatus[end.code] ?? String(end.code), reason: end.details });
    });
  }

  #end(end: StreamEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#client?.close();
    this.#handlers.close(end);
  }
}
