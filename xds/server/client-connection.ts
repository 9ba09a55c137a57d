import { create } from "@bufbuild/protobuf";
import { status as grpcStatus, type ServerDuplexStream } from "@grpc/grpc-js";
import type { Cancel, Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../proto/gen/envoy/service/discovery/v3/discovery_pb.js";
import { SHORT_NAMES } from "../protocol/server-snapshot.ts";
import { ServerStream, type StreamOptions, type StreamResponse } from "../protocol/server-stream.ts";
import type { MeshStore } from "./mesh-store.ts";

export type DiscoveryCall = ServerDuplexStream<DiscoveryRequest, DiscoveryResponse>;

/** Longer texts of a client, such as node ids and reasons of a rejection, are cut to this before they are kept. */
const MAX_TEXT = 4_096;

/** One connected client, for people. Times are wall time in ms. */
export interface ClientStatus {
  readonly id: number;
  readonly node: { readonly id: string; readonly cluster: string; readonly userAgent: string };
  readonly address: string;
  readonly since: number;
  readonly requests: number;
  readonly responses: number;
  readonly rejections: number;
  readonly stream: ReturnType<ServerStream["status"]>;
}

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stream: StreamOptions;
}

/** Feeds one stream's requests and the store's snapshots to its state machine, and writes what that says. */
export class ClientConnection {
  readonly #id: number;
  readonly #call: DiscoveryCall;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #stream: ServerStream;
  readonly #unsubscribe: () => void;
  readonly #onEnd: () => void;
  readonly #since: number;
  #node = { id: "", cluster: "", userAgent: "" };
  #nodeSeen = false;
  #cancelWake: Cancel = () => {};
  #blocked = false;
  #ended = false;
  #requests = 0;
  #responses = 0;
  #rejections = 0;

  constructor(
    id: number,
    call: DiscoveryCall,
    store: MeshStore,
    options: ConnectionOptions,
    onEnd: () => void,
  ) {
    this.#id = id;
    this.#call = call;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#onEnd = onEnd;
    this.#since = options.clock.wall();
    this.#stream = new ServerStream(store.snapshot, options.clock, options.stream);
    this.#unsubscribe = store.subscribe((snapshot) => {
      this.#stream.onSnapshot(snapshot);
      this.#flush();
    });
    call.on("data", (request: DiscoveryRequest) => this.#onRequest(request));
    call.on("drain", () => {
      this.#blocked = false;
      this.#flush();
    });
    call.on("end", () => this.end("OK", ""));
    call.on("cancelled", () => this.#finish("cancelled"));
    call.on("error", (error) => this.#finish(error.message));
  }

  end(code: keyof typeof grpcStatus, reason: string): void {
    if (this.#ended) return;
    this.#finish(reason);
    endWith(this.#call, code, reason);
  }

  status(): ClientStatus {
    return {
      id: this.#id,
      node: this.#node,
      address: this.#call.getPeer(),
      since: this.#since,
      requests: this.#requests,
      responses: this.#responses,
      rejections: this.#rejections,
      stream: this.#stream.status(),
    };
  }

  #onRequest(request: DiscoveryRequest): void {
    if (this.#ended) return;
    this.#requests++;
    this.#rememberNode(request);
    const outcome = this.#stream.onRequest({
      typeUrl: request.typeUrl,
      names: request.resourceNames,
      nonce: request.responseNonce,
      error: request.errorDetail && cut(request.errorDetail.message),
    });
    if (outcome.kind === "refused") {
      this.#logger.warn({ node: this.#node.id, reason: outcome.reason }, "an xDS stream was ended");
      this.end(outcome.status, outcome.reason);
      return;
    }
    if (outcome.kind === "nack") {
      this.#rejections++;
      const type = SHORT_NAMES.get(request.typeUrl);
      const reason = cut(request.errorDetail?.message ?? "");
      this.#logger.warn({ node: this.#node.id, type, reason }, "a client rejects what it was sent");
    }
    this.#flush();
  }

  /** Only the first request of a stream is sure to name the node; later ones cannot change it. */
  #rememberNode({ node }: DiscoveryRequest): void {
    if (this.#nodeSeen || !node) return;
    this.#nodeSeen = true;
    this.#node = { id: cut(node.id), cluster: cut(node.cluster), userAgent: cut(node.userAgentName) };
    this.#logger.info(
      { node: this.#node.id, cluster: this.#node.cluster, peer: this.#call.getPeer() },
      "a client connected",
    );
  }

  #flush(): void {
    while (!this.#ended && !this.#blocked) {
      const response = this.#stream.next();
      if (!response) break;
      this.#responses++;
      // A peer that reads slowly gets the newest state when it is ready, not every state on the way.
      this.#blocked = !this.#call.write(toMessage(response));
    }
    this.#cancelWake();
    // A blocked stream is looked at again when it drains; until then there is nothing that time could change.
    const wakeAt = this.#ended || this.#blocked ? undefined : this.#stream.wakeAt();
    if (wakeAt !== undefined) {
      this.#cancelWake = this.#clock.after(wakeAt - this.#clock.now(), () => this.#flush());
    }
  }

  #finish(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelWake();
    this.#unsubscribe();
    this.#onEnd();
    this.#logger.info({ node: this.#node.id, reason }, "a client disconnected");
  }
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...(truncated)` : text;
}

function toMessage({ typeUrl, version, nonce, resources }: StreamResponse): DiscoveryResponse {
  return create(DiscoveryResponseSchema, {
    typeUrl,
    versionInfo: version,
    nonce,
    resources: resources.map(({ bytes }) => ({ typeUrl, value: bytes })),
    controlPlane: { identifier: "dashpot" },
  });
}

interface Ending {
  end(): unknown;
  emit(event: "error", status: { readonly code: number; readonly details: string }): unknown;
}

/** grpc-js ends a server stream with a status only through an error event. */
export function endWith(call: Ending, code: keyof typeof grpcStatus, reason: string): void {
  if (code === "OK") call.end();
  else call.emit("error", { code: grpcStatus[code], details: reason });
}
