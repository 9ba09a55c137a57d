import { randomUUID } from "node:crypto";
import type { Cancel } from "../../xds/common/clock.ts";
import type { ErrorKind, ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { Expiring } from "../../xds/common/timer-wheel.ts";
import { WheelTimer } from "../../xds/common/timer-wheel.ts";
import type { Slot } from "../balancing/balancer.ts";
import type { FieldLines, RequestHead, ResponseHead } from "../codec/head.ts";
import type { DownstreamHandler, DownstreamStream, UpstreamStream } from "../codec/stream.ts";
import type { CompiledRoute, ForwardAction, RequestContext } from "../routing/index.ts";
import {
  clusterOf,
  isGrpc,
  prepareRequest,
  redirectLocation,
  removeField,
  requestHash,
  requestOverrides,
} from "../routing/index.ts";
import type { ExchangeFacts, TraceContext } from "../telemetry/facts.ts";
import type { UpstreamCluster } from "../upstream/upstream-cluster.ts";
import type { AttemptOwner } from "./attempt.ts";
import { Attempt } from "./attempt.ts";
import type { HttpRoutes } from "./http-routes.ts";
import type { LocalReply } from "./local-reply.ts";
import { connectedHead, errorReply, textReply } from "./local-reply.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { RequestBody } from "./request-body.ts";
import { addForwarded, addVia, KnownFields, setField } from "./request-fields.ts";
import { admits, refusalOf } from "./request-rules.ts";
import { RetryPlan } from "./retry-plan.ts";

const NO_SLOTS: readonly Slot[] = Object.freeze([]);
const NEVER = Number.POSITIVE_INFINITY;

/** Scanned into and read within one call, so one serves all. */
const known = new KnownFields();

/**
 * One request and all that becomes of it, in named phases:
 * accept -> head -> route -> admit -> pick -> connect -> send -> relay -> classify -> record. Whatever happens, `record` runs, once.
 */
export class Exchange implements DownstreamHandler, AttemptOwner, ExchangeFacts, RequestContext, Expiring {
  readonly context: ProxyContext;
  readonly head: RequestHead;
  readonly startedAt: number;
  readonly startedAtWall: number;
  readonly listener: string;
  /** As the caller sent them; `head` is changed on the way to the upstream. */
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  readonly scheme: string;
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly attempts: Attempt[] = [];
  trace!: TraceContext;
  requestId = "";
  userAgent = "";
  grpc = false;
  route = "";
  routeVersion = "";
  cluster = "";
  clusterVersion = "";
  endpointsVersion = "";
  policy = "";
  endedAt = Number.NaN;
  status = 0;
  requestBytes = 0;
  responseBytes = 0;
  error: ProxyError | undefined = undefined;
  hash: number | undefined = undefined;
  tried: Slot[] | readonly Slot[] = NO_SLOTS;
  readonly #downstream: DownstreamStream;
  readonly #routes: HttpRoutes;
  readonly #timer = new WheelTimer(this);
  #compiled: CompiledRoute | undefined;
  #action: ForwardAction | undefined;
  #upstream: UpstreamCluster | undefined;
  #attempt: Attempt | undefined;
  #body: RequestBody | undefined;
  #plan: RetryPlan | undefined;
  #cancelDelay: Cancel | undefined;
  /** Why the last attempt, of which nothing was sent, is being repeated. */
  #unsent: ProxyError | undefined;
  #responseBegun = false;
  #tunnel = false;
  #tunnelHalvesEnded = 0;
  #over = false;
  /** Monotonic ms at which each timeout ends the exchange. */
  #routeDue = NEVER;
  #durationDue = NEVER;
  #tryDue = NEVER;
  #idleMs = 0;
  #activeAt: number;

  constructor(routes: HttpRoutes, downstream: DownstreamStream, head: RequestHead) {
    const { context } = routes;
    this.context = context;
    this.#routes = routes;
    this.#downstream = downstream;
    this.head = head;
    this.startedAt = context.clock.now();
    this.startedAtWall = context.clock.wall();
    this.#activeAt = this.startedAt;
    this.listener = routes.listener;
    this.method = head.method;
    this.authority = head.authority;
    this.target = head.target;
    this.scheme = head.scheme;
    this.remoteAddress = downstream.remoteAddress;
    this.localAddress = downstream.localAddress;
    this.routeVersion = routes.version;
    context.counts.exchanges++;
  }

  get protocolVersion(): string {
    return this.head.version === 2 ? "2" : this.head.version === 1 ? "1.1" : "1.0";
  }

  /** CONNECT ends here: its bytes go to the endpoint itself, whatever they are. */
  get tunnels(): boolean {
    return this.method === "CONNECT";
  }

  get routeName(): string {
    return this.route;
  }

  get upstreamAddress(): string {
    return this.#attempt?.address ?? "";
  }

  get upstreamHost(): string {
    return this.upstreamAddress;
  }

  get responseFlags(): string {
    return this.error?.kind.flag ?? "";
  }

  // accept, head

  /** Begins the exchange. `internal`: the caller stands inside the network, and may set timeouts and retries by header. */
  begin(internal: boolean): void {
    const { head } = this;
    if (head.framing === "chunked" || head.contentLength > 0) {
      this.#body = new RequestBody(this.context.replay, this.context.limits.replayBytesPerRequest);
    }
    this.#identify();
    const refused = refusalOf(head, known, this.context.viaName);
    if (refused) this.#fail(refused);
    else this.#takeRoute(internal);
  }

  #identify(): void {
    const { fields } = this.head;
    const { filter } = this.#routes;
    known.scan(fields);
    const traceparent = known.traceparents > 1 ? undefined : known.value(fields, "traceparent");
    this.trace = this.context.recorder.begin(
      traceparent,
      known.value(fields, "tracestate"),
      filter.randomSampling,
    );
    this.userAgent = known.value(fields, "user-agent") ?? "";
    this.grpc = known.at["content-type"] >= 0 && isGrpc(fields);
    const requestId = known.value(fields, "x-request-id");
    if (requestId !== undefined) this.requestId = requestId;
    else if (filter.generateRequestId) {
      this.requestId = randomUUID();
      fields.push("x-request-id", this.requestId);
    }
  }

  // route

  #takeRoute(internal: boolean): void {
    const { head } = this;
    const { filter, table } = this.#routes;
    const route = table.route(head, this.remoteAddress);
    if (!route) {
      this.#fail(proxyError(ERRORS.noRoute, `no route for ${head.authority} in ${table.name}`));
      return;
    }
    this.#compiled = route;
    this.route = route.name;
    const { action } = route;
    if (action.kind === "direct_response") {
      this.#reply(textReply(action.status, action.body, []));
    } else if (action.kind === "redirect") {
      this.#reply(textReply(action.status, "", ["Location", redirectLocation(action, head, route.rewrite)]));
    } else {
      const refused = admits(head, filter, action);
      if (refused) this.#fail(refused);
      else this.#forward(route, internal ? requestOverrides(action, head) : action);
    }
  }

  #forward(route: CompiledRoute, action: ForwardAction): void {
    const { head, context } = this;
    this.#action = action;
    this.cluster = clusterOf(action, this);
    const upstream = context.clusters.get(this.cluster);
    if (!upstream) {
      const detail =
        this.cluster === ""
          ? `the header ${action.clusterHeader} names no cluster`
          : `cluster ${this.cluster} is not known`;
      this.#fail(proxyError(ERRORS.noCluster, detail), action.clusterNotFoundStatus);
      return;
    }
    this.#upstream = upstream;
    this.clusterVersion = upstream.clusterVersion;
    this.endpointsVersion = upstream.endpointsVersion;
    this.policy = upstream.policy;
    addForwarded(head.fields, known, this.#routes.filter, head.scheme, this.remoteAddress);
    addVia(head.fields, known.at.via, head.version, context.viaName);
    if (known.at.tracestate >= 0) this.#bound(head.fields);
    if (action.hashPolicy.length > 0) this.hash = requestHash(action.hashPolicy, this);
    prepareRequest(route, this);
    this.#plan = new RetryPlan(action.retryPolicy, head, context);
    this.#startTimeouts(action);
    this.#try();
  }

  /** A `tracestate` goes on as the trace keeps it: not at all where its `traceparent` was not believed (W3C Trace Context, 3.3). */
  #bound(fields: FieldLines): void {
    if (this.trace.traceState === "") removeField(fields, "tracestate");
    else setField(fields, "tracestate", this.trace.traceState);
  }

  #startTimeouts(action: ForwardAction): void {
    const { filter } = this.#routes;
    this.#idleMs = action.idleTimeoutMs ?? filter.streamIdleTimeoutMs;
    const maxDuration = action.maxStreamDurationMs ?? filter.maxStreamDurationMs;
    if (maxDuration > 0) this.#durationDue = this.startedAt + maxDuration;
    if (!this.#body) this.#startRouteTimeout(this.startedAt);
    this.#armTimer(this.startedAt);
  }

  /** The route's timeout runs from the end of the request (Envoy's RouteAction.timeout). */
  #startRouteTimeout(now: number): void {
    const timeoutMs = this.#action?.timeoutMs ?? 0;
    if (timeoutMs > 0) this.#routeDue = now + timeoutMs;
  }

  // admit, pick, connect

  #try(): void {
    const { context } = this;
    const upstream = this.#upstream as UpstreamCluster;
    const action = this.#action as ForwardAction;
    const breaker = upstream.breakers[action.priority];
    if (!breaker.admitsRequest()) {
      this.#fail(
        proxyError(ERRORS.overflow, `cluster ${this.cluster} has too many requests under way (max_requests)`),
      );
      return;
    }
    const attempt = new Attempt(this, upstream, breaker, this.attempts.length);
    this.#attempt = attempt;
    this.attempts.push(attempt);
    if (!attempt.pick()) {
      this.#fail(attempt.error as ProxyError);
      return;
    }
    // Going back to where no connection could be had a moment ago would only add to the wait.
    if (this.#unsent && this.tried.includes(attempt.slot)) {
      this.attempts.pop();
      attempt.cancel(this.#unsent);
      context.evidence.give(attempt.evidence);
      this.#fail(this.#unsent);
      return;
    }
    this.#unsent = undefined;
    const perTryMs = action.retryPolicy?.perTryTimeoutMs ?? 0;
    if (perTryMs > 0) {
      this.#tryDue = attempt.startedAt + perTryMs;
      this.#armTimer(attempt.startedAt);
    }
    attempt.connect();
  }

  // send

  onAttemptReady(attempt: Attempt, stream: UpstreamStream): void {
    if (this.tunnels) {
      this.onAttemptTunnel(connectedHead());
      return;
    }
    const { head } = this;
    const { traceId, sampled } = this.trace;
    setField(head.fields, "traceparent", `00-${traceId}-${attempt.spanId}-${sampled ? "01" : "00"}`);
    const rewrite = this.#action?.hostRewrite;
    if (rewrite?.kind === "auto") head.authority = attempt.cluster.hostname(attempt.slot) || head.authority;
    const body = this.#body;
    let more = stream.sendHead(head, body === undefined);
    if (!body) return;
    for (const chunk of body.chunks) more = stream.sendData(chunk);
    if (body.ended) stream.sendEnd(body.trailers);
    if (this.#plan?.needsBody) body.sent();
    else body.release();
    if (more) this.#downstream.resumeRequest();
  }

  onRequestData(chunk: Buffer): void {
    this.requestBytes += chunk.length;
    if (this.#over) return;
    this.#activeAt = this.context.clock.now();
    const stream = this.#attempt?.stream;
    if (!this.#tunnel) this.#body?.hold(chunk, stream === undefined);
    if (!stream?.sendData(chunk)) this.#downstream.pauseRequest();
  }

  onRequestEnd(trailers: FieldLines | undefined): void {
    if (this.#over) return;
    if (this.#body) {
      this.#body.ended = true;
      this.#body.trailers = trailers;
      const now = this.context.clock.now();
      this.#startRouteTimeout(now);
      this.#armTimer(now);
    } else if (!this.#tunnel) return;
    this.#attempt?.stream?.sendEnd(trailers);
    if (this.#tunnel) this.#endTunnelHalf();
  }

  onAttemptDrain(): void {
    this.#downstream.resumeRequest();
  }

  // relay

  onAttemptInformational(head: ResponseHead): void {
    if (!this.#responseBegun) this.#downstream.sendInformational(head);
  }

  onAttemptResponse(attempt: Attempt, head: ResponseHead): void {
    const plan = this.#plan as RetryPlan;
    if (plan.wantsResponseRetried(head) && this.#mayRepeat(attempt)) {
      attempt.discardResponse(head);
      this.#repeat(attempt, plan.delayAfterResponse(head));
      return;
    }
    this.#beginResponse(head);
    this.#downstream.sendHead(head, false);
  }

  #beginResponse(head: ResponseHead): void {
    this.#responseBegun = true;
    this.#tryDue = NEVER;
    this.status = head.status;
    this.#body?.release();
    addVia(head.fields, -1, head.version, this.context.viaName);
    const mutations = this.#compiled?.responseHeaders;
    if (mutations && !mutations.isEmpty) mutations.apply(head.fields, this);
  }

  onAttemptTunnel(head: ResponseHead): void {
    this.#beginResponse(head);
    this.#tunnel = true;
    this.context.counts.tunnels++;
    this.#routeDue = NEVER;
    this.#downstream.startTunnel(head);
  }

  onAttemptData(attempt: Attempt, chunk: Buffer): void {
    this.responseBytes += chunk.length;
    this.#activeAt = this.context.clock.now();
    if (!this.#downstream.sendData(chunk)) attempt.stream?.pauseResponse();
  }

  onDownstreamDrain(): void {
    this.#attempt?.stream?.resumeResponse();
  }

  onAttemptEnd(trailers: FieldLines | undefined): void {
    this.#downstream.sendEnd(trailers);
    if (this.#tunnel) this.#endTunnelHalf();
    else this.#record();
  }

  #endTunnelHalf(): void {
    if (++this.#tunnelHalvesEnded < 2) return;
    this.#attempt?.endTunnel();
    this.#record();
  }

  // What goes wrong.

  onAttemptFailed(attempt: Attempt, error: ProxyError): void {
    if (this.#over) return;
    const plan = this.#plan as RetryPlan;
    if (this.#responseBegun) this.#fail(error);
    else if (this.#holdsBody() && plan.repeatsFreely(error, attempt.reusedConnection)) {
      if (error.kind.retryable === "yes") this.#unsent = error;
      this.#repeat(attempt, 0);
    } else if (plan.wantsFailureRetried(error) && this.#mayRepeat(attempt))
      this.#repeat(attempt, plan.backoffMs());
    else {
      attempt.retryDecision = plan.decision;
      this.#fail(error);
    }
  }

  onRequestAbort(error: ProxyError): void {
    if (this.#over) return;
    this.#attempt?.cancel(error);
    if (error.kind === ERRORS.downstreamDisconnect) {
      this.error = error;
      this.#record();
    } else this.#fail(error);
  }

  onExpired(): void {
    const now = this.context.clock.now();
    if (now >= this.#routeDue)
      this.#expire(ERRORS.routeTimeout, `no whole response within ${this.#action?.timeoutMs} ms`);
    else if (now >= this.#durationDue)
      this.#expire(ERRORS.maxDuration, "the request lasted longer than its bound");
    else if (now >= this.#tryDue) this.#expireAttempt();
    else if (this.#idleMs > 0 && now >= this.#activeAt + this.#idleMs) {
      this.#expire(ERRORS.streamIdleTimeout, `no byte either way for ${this.#idleMs} ms`);
    } else this.#armTimer(now);
  }

  #expire(kind: ErrorKind, detail: string): void {
    const error = proxyError(kind, detail);
    this.#attempt?.cancel(error);
    this.#fail(error);
  }

  #expireAttempt(): void {
    this.#tryDue = NEVER;
    const attempt = this.#attempt as Attempt;
    const detail = `no response within the try's ${this.#action?.retryPolicy?.perTryTimeoutMs} ms`;
    const error = proxyError(ERRORS.perTryTimeout, detail);
    attempt.cancel(error);
    this.onAttemptFailed(attempt, error);
    if (!this.#over) this.#armTimer(this.context.clock.now());
  }

  #armTimer(now: number): void {
    const idleDue = this.#idleMs > 0 ? this.#activeAt + this.#idleMs : NEVER;
    const due = Math.min(this.#routeDue, this.#durationDue, this.#tryDue, idleDue);
    if (due < this.#timer.due) this.context.wheel.arm(this.#timer, due - now);
  }

  // Trying again.

  #holdsBody(): boolean {
    return this.#body === undefined || this.#body.whole;
  }

  /** A retry that the policy asks for costs the upstream another request: bounded by count, by budget and by what is held. */
  #mayRepeat(attempt: Attempt): boolean {
    const plan = this.#plan as RetryPlan;
    if (!this.#holdsBody()) plan.decision = "not retried: the body is not held any more";
    else if (plan.spend(attempt.breaker)) return true;
    attempt.retryDecision = plan.decision;
    return false;
  }

  #repeat(attempt: Attempt, delayMs: number): void {
    attempt.retryDecision = (this.#plan as RetryPlan).decision;
    if (attempt.slot >= 0) this.tried = [...this.tried, attempt.slot];
    if (delayMs <= 0) {
      this.#try();
      return;
    }
    this.#cancelDelay = this.context.clock.after(delayMs, () => {
      this.#cancelDelay = undefined;
      this.#try();
    });
  }

  // Local answers.

  #fail(error: ProxyError, status = error.kind.status): void {
    this.error = error;
    if (this.#responseBegun) {
      this.#downstream.abort(error);
      this.#record();
    } else this.#reply(errorReply(error, status, this.grpc));
  }

  #reply({ head, body }: LocalReply): void {
    this.#responseBegun = true;
    this.status = head.status;
    const mutations = this.#compiled?.responseHeaders;
    if (mutations && !mutations.isEmpty) mutations.apply(head.fields, this);
    this.responseBytes = body.length;
    this.#downstream.sendMessage(head, body);
    this.#record();
  }

  // record

  #record(): void {
    this.#over = true;
    const { clock, wheel, recorder, evidence, counts } = this.context;
    this.endedAt = clock.now();
    wheel.disarm(this.#timer);
    this.#cancelDelay?.();
    this.#body?.release();
    counts.exchanges--;
    if (this.#tunnel) counts.tunnels--;
    recorder.end(this);
    for (const attempt of this.attempts) evidence.give(attempt.evidence);
  }
}
