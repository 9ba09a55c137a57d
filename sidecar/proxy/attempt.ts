import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { Balancer, PickRequest, Slot, Ticket } from "../balancing/balancer.ts";
import { NO_SLOT } from "../balancing/balancer.ts";
import type { Evidence } from "../balancing/evidence.ts";
import type { Outcome } from "../balancing/outcome.ts";
import { OUTCOME } from "../balancing/outcome.ts";
import type { FieldLines, ResponseHead } from "../codec/head.ts";
import { fieldValue } from "../codec/head.ts";
import type { UpstreamStream } from "../codec/stream.ts";
import type { AttemptFacts } from "../telemetry/facts.ts";
import type { CircuitBreaker } from "../upstream/circuit-breaker.ts";
import type { StreamSource, StreamUser } from "../upstream/stream-source.ts";
import type { UpstreamCluster } from "../upstream/upstream-cluster.ts";
import { classifyFailure, classifyResponse, grpcStatusOf, NO_GRPC_STATUS } from "./classify.ts";
import { takeLoadReport } from "./load-report.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { retryAfterMs } from "./retry-decision.ts";

/** What an attempt tells the exchange that it belongs to, and asks of it. */
export interface AttemptOwner extends PickRequest {
  readonly context: ProxyContext;
  readonly grpc: boolean;
  /** A connection for bytes is wanted, not a stream for a message. */
  readonly tunnels: boolean;
  onAttemptReady(attempt: Attempt, stream: UpstreamStream): void;
  /** No whole answer came. */
  onAttemptFailed(attempt: Attempt, error: ProxyError): void;
  onAttemptInformational(head: ResponseHead): void;
  onAttemptResponse(attempt: Attempt, head: ResponseHead): void;
  onAttemptTunnel(head: ResponseHead): void;
  onAttemptData(attempt: Attempt, chunk: Buffer): void;
  onAttemptEnd(attempt: Attempt, trailers: FieldLines | undefined): void;
  onAttemptDrain(): void;
}

/** One try of a request at one endpoint: picks it, holds its place in flight, and judges how it ended. */
export class Attempt implements StreamUser, AttemptFacts {
  readonly number: number;
  readonly spanId: string;
  readonly startedAt: number;
  readonly evidence: Evidence;
  readonly cluster: UpstreamCluster;
  readonly breaker: CircuitBreaker;
  address = "";
  peerAddress = "";
  reusedConnection = false;
  connectedAt = Number.NaN;
  firstByteAt = Number.NaN;
  endedAt = Number.NaN;
  status = 0;
  outcome: Outcome = OUTCOME.local;
  error: ProxyError | undefined = undefined;
  retryDecision = "";
  slot: Slot = NO_SLOT;
  /** Undefined while a connection is awaited, and after the end. */
  stream: UpstreamStream | undefined = undefined;
  over = false;
  readonly fresh: boolean;
  #tunnel = false;
  readonly #owner: AttemptOwner;
  readonly #balancer: Balancer;
  #source: StreamSource | undefined;
  #ticket: Ticket = -1;
  #grpcStatus = NO_GRPC_STATUS;
  #retryAfterMs = 0;
  #candidates: readonly string[] | undefined;

  constructor(
    owner: AttemptOwner,
    cluster: UpstreamCluster,
    breaker: CircuitBreaker,
    number: number,
    fresh = false,
  ) {
    const { clock, recorder, evidence, counts } = owner.context;
    this.number = number;
    this.spanId = recorder.spanId();
    this.startedAt = clock.now();
    this.evidence = evidence.take();
    this.cluster = cluster;
    this.breaker = breaker;
    this.fresh = fresh;
    this.#owner = owner;
    this.#balancer = cluster.balancer;
    counts.attempts++;
  }

  /** The `pick` phase. False: no endpoint may be used, and the attempt is over. */
  pick(): boolean {
    this.slot = this.#balancer.pick(this.#owner, this.evidence);
    if (this.slot === NO_SLOT) {
      this.#end(
        OUTCOME.local,
        proxyError(ERRORS.noHealthyUpstream, `cluster ${this.cluster.name} has no endpoint to use`),
      );
      return false;
    }
    this.address = this.#balancer.address(this.slot);
    return true;
  }

  /** The `connect` phase: the exchange hears `onAttemptReady` or `onAttemptFailed`, perhaps before this returns. */
  connect(): void {
    this.#ticket = this.#balancer.onStart(this.slot);
    this.breaker.requests++;
    if (this.number > 0) this.breaker.retries++;
    const { cluster, slot } = this;
    this.#tunnel = this.#owner.tunnels;
    this.#source = this.#tunnel ? cluster.tunnelDialer(slot) : cluster.pool(slot);
    this.#source.acquire(this);
  }

  /** Ends the attempt from our side: the caller left, or a deadline passed. */
  cancel(error: ProxyError): void {
    if (this.over) return;
    const stream = this.stream;
    this.#source?.cancel(this);
    this.#end(classifyFailure(error.kind), error);
    stream?.abort(error);
  }

  /** The response is not wanted, because the request is tried again: it still counts for what it was. */
  discardResponse(head: ResponseHead): void {
    const stream = this.stream;
    this.#end(
      classifyResponse(this.status, this.#grpcStatus, fieldValue(head.fields, "retry-after") !== undefined),
    );
    stream?.discard();
  }

  candidateAddresses(): readonly string[] {
    if (!this.#candidates) {
      const { slots, count } = this.evidence;
      this.#candidates = Array.from(slots.subarray(0, count), (slot) => this.#balancer.address(slot));
    }
    return this.#candidates;
  }

  onStream(stream: UpstreamStream): void {
    this.stream = stream;
    this.connectedAt = this.#owner.context.clock.now();
    this.peerAddress = stream.peerAddress;
    this.reusedConnection = stream.reused;
    this.#owner.onAttemptReady(this, stream);
  }

  onNoStream(error: ProxyError): void {
    this.#end(classifyFailure(error.kind), error);
    this.#owner.onAttemptFailed(this, error);
  }

  onInformational(head: ResponseHead): void {
    this.#owner.onAttemptInformational(head);
  }

  onResponseHead(head: ResponseHead): void {
    this.#answered(head);
    this.#owner.onAttemptResponse(this, head);
  }

  onTunnel(head: ResponseHead): void {
    this.#tunnel = true;
    this.#answered(head);
    this.#owner.onAttemptTunnel(head);
  }

  /** Both directions of the tunnel have ended. */
  endTunnel(): void {
    if (!this.over) this.#end(classifyResponse(this.status, NO_GRPC_STATUS, false));
  }

  onResponseData(chunk: Buffer): void {
    this.#owner.onAttemptData(this, chunk);
  }

  onResponseEnd(trailers: FieldLines | undefined): void {
    if (trailers) this.#takeTrailers(trailers);
    // A tunnel may go on in the other direction.
    if (!this.#tunnel) this.#end(classifyResponse(this.status, this.#grpcStatus, this.#retryAfterMs > 0));
    this.#owner.onAttemptEnd(this, trailers);
  }

  onResponseAbort(error: ProxyError): void {
    this.#end(classifyFailure(error.kind, this.reusedConnection), error);
    this.#owner.onAttemptFailed(this, error);
  }

  onUpstreamDrain(): void {
    this.#owner.onAttemptDrain();
  }

  #answered(head: ResponseHead): void {
    const { clock } = this.#owner.context;
    this.firstByteAt = clock.now();
    this.status = head.status;
    this.#balancer.onResponse(this.#ticket);
    if (head.status >= 429)
      this.#retryAfterMs = retryAfterMs(fieldValue(head.fields, "retry-after"), clock.wall());
    if (this.#owner.grpc) this.#grpcStatus = grpcStatusOf(fieldValue(head.fields, "grpc-status"));
    const report = takeLoadReport(head.fields);
    if (report) this.#balancer.onLoadReport(this.slot, report);
  }

  #takeTrailers(trailers: FieldLines): void {
    const value = fieldValue(trailers, "grpc-status");
    if (value !== undefined) this.#grpcStatus = grpcStatusOf(value);
    const report = takeLoadReport(trailers);
    if (report) this.#balancer.onLoadReport(this.slot, report);
  }

  #end(outcome: Outcome, error: ProxyError | undefined = undefined): void {
    this.over = true;
    this.stream = undefined;
    this.outcome = outcome;
    this.error = error;
    this.endedAt = this.#owner.context.clock.now();
    this.#owner.context.counts.attempts--;
    if (this.#ticket < 0) return;
    this.breaker.requests--;
    if (this.number > 0) this.breaker.retries--;
    this.#balancer.onEnd(this.#ticket, outcome, this.#retryAfterMs);
  }
}
