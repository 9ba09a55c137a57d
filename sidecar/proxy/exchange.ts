import type { Cancel } from "../../xds/common/clock.ts";
import type { ErrorKind, ProxyError } from "../../xds/common/errors.ts";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { DirectResponseAction, FaultPolicy, RedirectAction } from "../../xds/model/route-table.ts";
import type { FieldLines, RequestHead, ResponseHead } from "../codec/head.ts";
import type { DownstreamHandler, DownstreamStream, UpstreamStream } from "../codec/stream.ts";
import type { CompiledRoute, ForwardAction } from "../routing/index.ts";
import {
  clusterOf,
  newAffinityCookie,
  prepareRequest,
  redirectLocation,
  requestHash,
  requestOverrides,
  rewriteHost,
  withoutOverrides,
} from "../routing/index.ts";
import type { UpstreamCluster } from "../upstream/upstream-cluster.ts";
import { acceptRequest } from "./accept-request.ts";
import type { AttemptOwner } from "./attempt.ts";
import { Attempt } from "./attempt.ts";
import type { DeadlineOwner } from "./exchange-deadlines.ts";
import { ExchangeDeadlines, routeTimeoutMs } from "./exchange-deadlines.ts";
import { ExchangeRecord } from "./exchange-record.ts";
import { drawFault } from "./fault-injection.ts";
import type { HttpRoutes } from "./http-routes.ts";
import type { LocalReply } from "./local-reply.ts";
import { connectedHead, directReply, errorReply, textReply } from "./local-reply.ts";
import { sendMirrors } from "./mirror.ts";
import { RequestBody } from "./request-body.ts";
import { addVia, setField } from "./request-fields.ts";
import { admits } from "./request-rules.ts";
import { RetryPlan } from "./retry-plan.ts";

/** Envoy's field, where `include_request_attempt_count` or `include_attempt_count_in_response` asks for it. */
const ATTEMPT_COUNT = "x-envoy-attempt-count";

const HOST_NEEDED = "there is no Host, and the route redirects to another scheme or port of it";

/**
 * One request and all that becomes of it, in named phases:
 * accept -> head -> route -> admit -> pick -> connect -> send -> relay -> classify -> record. Whatever happens, `record` runs, once.
 */
export class Exchange extends ExchangeRecord implements DownstreamHandler, AttemptOwner, DeadlineOwner {
  readonly #routes: HttpRoutes;
  readonly #deadlines: ExchangeDeadlines;
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
  #faulty = false;
  #mirrored = false;
  #over = false;

  constructor(routes: HttpRoutes, downstream: DownstreamStream, head: RequestHead) {
    super(routes, downstream, head);
    const { clock, wheel, counts } = routes.context;
    this.#routes = routes;
    this.#deadlines = new ExchangeDeadlines(clock, wheel, this, this.startedAt);
    counts.exchanges++;
  }

  /** CONNECT ends here: its bytes go to the endpoint itself, whatever they are. */
  get tunnels(): boolean {
    return this.method === "CONNECT";
  }

  // accept, head

  /** Begins the exchange. `internal`: the caller's connection comes from inside the network. */
  begin(internal: boolean): void {
    const { head } = this;
    this.internal = internal;
    if (head.framing === "chunked" || head.contentLength > 0) {
      this.#body = new RequestBody(this.context.replay, this.context.limits.replayBytesPerRequest);
    }
    const ended = acceptRequest(this, this.#routes);
    if (!ended) this.#takeRoute();
    else if ("kind" in ended) this.#fail(ended);
    else this.#reply(ended);
  }

  // route

  #takeRoute(): void {
    const { head } = this;
    const { filter, table } = this.#routes;
    const route = table.route(head, this.remoteAddress);
    if (!route) {
      this.#fail(proxyError(ERRORS.noRoute, `no route for ${head.authority} in ${table.name}`));
      return;
    }
    this.#compiled = route;
    if (route.requestBodyBufferLimitBytes !== undefined) this.#body?.limit(route.requestBodyBufferLimitBytes);
    this.route = route.name;
    const { action } = route;
    if (action.kind !== "forward") {
      if (route.fault) this.#injectFault(route.fault, () => this.#answer(route, action));
      else this.#answer(route, action);
    } else {
      const refused = admits(head, filter, action);
      if (refused) this.#fail(refused);
      else if (this.internal) this.#forward(route, requestOverrides(action, head));
      else {
        withoutOverrides(head);
        this.#forward(route, action);
      }
    }
  }

  #answer({ rewrite }: CompiledRoute, action: DirectResponseAction | RedirectAction): void {
    if (action.kind === "direct_response") {
      this.#reply(directReply(action, this.grpc));
      return;
    }
    const location = redirectLocation(action, this.head, rewrite);
    if (location === undefined) this.#fail(proxyError(ERRORS.malformedRequest, HOST_NEEDED));
    else this.#reply(textReply(action.status, "", ["Location", location]));
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
    const dropped = upstream.drawDrop();
    if (dropped !== "") {
      this.#fail(proxyError(ERRORS.dropOverload, `the control plane asks to drop load (${dropped})`));
      return;
    }
    if (action.hashPolicy.length > 0) this.hash = requestHash(action.hashPolicy, this);
    prepareRequest(route, this);
    this.#plan = new RetryPlan(action.retryPolicy, head, context);
    this.#startDeadlines(action);
    if (route.fault) this.#injectFault(route.fault, () => this.#try());
    else this.#try();
  }

  #startDeadlines(action: ForwardAction): void {
    const { filter } = this.#routes;
    const maxDurationMs = action.maxStreamDurationMs ?? filter.maxStreamDurationMs;
    this.#deadlines.start(this.startedAt, action.idleTimeoutMs ?? filter.streamIdleTimeoutMs, maxDurationMs);
    if (!this.#body) this.#deadlines.startRoute(this.startedAt, routeTimeoutMs(action, this));
  }

  // admit, pick, connect

  /** @param next what is done where no answer is made up. */
  #injectFault(policy: FaultPolicy, next: () => void): void {
    const { counts, random, clock } = this.context;
    const fault = drawFault(policy, this.head, this.cluster, counts.faults, random);
    if (!fault) {
      next();
      return;
    }
    const go = (): void => {
      this.#cancelDelay = undefined;
      if (fault.status === 0) next();
      else {
        const error = proxyError(ERRORS.faultAborted, "a fault was injected");
        this.#fail(error, fault.status, fault.grpcStatus);
      }
    };
    this.#faulty = true;
    counts.faults++;
    if (fault.delayMs > 0) this.#cancelDelay = clock.after(fault.delayMs, go);
    else go();
  }

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
    const fresh = this.attempts[this.attempts.length - 1]?.reusedConnection ?? false;
    const attempt = new Attempt(this, upstream, breaker, this.attempts.length, fresh);
    this.#attempt = attempt;
    this.attempts.push(attempt);
    if (!attempt.pick()) {
      this.#fail(attempt.error as ProxyError);
      return;
    }
    // Going back at once to where no connection could be had a moment ago would only add to the wait.
    const unsent = this.#unsent;
    if (unsent && this.tried.includes(attempt.slot)) {
      this.attempts.pop();
      attempt.cancel(unsent);
      context.evidence.give(attempt.evidence);
      this.#unsent = undefined;
      this.#retryFailure(this.attempts[this.attempts.length - 1] as Attempt, unsent);
      return;
    }
    this.#unsent = undefined;
    const { retryPolicy } = action;
    if (retryPolicy)
      this.#deadlines.startTry(
        attempt.startedAt,
        retryPolicy.perTryTimeoutMs,
        retryPolicy.perTryIdleTimeoutMs,
      );
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
    if (this.#compiled?.attemptCountInRequest)
      setField(head.fields, ATTEMPT_COUNT, String(attempt.number + 1));
    const rewrite = this.#action?.hostRewrite;
    if (rewrite?.kind === "auto") this.#rewriteHost(attempt);
    const body = this.#body;
    let more = stream.sendHead(head, body === undefined);
    if (!body) {
      this.#mirror([]);
      return;
    }
    for (const chunk of body.chunks) more = stream.sendData(chunk);
    if (body.ended) {
      stream.sendEnd(body.trailers);
      this.#mirror(body.chunks);
    }
    if (this.#plan?.needsBody || this.#wantsMirror) body.sent();
    else body.release();
    if (more) this.downstream.resumeRequest();
  }

  /** Retries go to other endpoints: the name that the caller gave is told, not that of the one before. */
  #rewriteHost({ cluster, slot }: Attempt): void {
    const { head } = this;
    head.authority = this.authority;
    const hostname = cluster.hostname(slot);
    if (hostname !== "") rewriteHost(head, hostname);
  }

  onRequestData(chunk: Buffer): void {
    this.requestBytes += chunk.length;
    if (this.#over) return;
    this.#deadlines.touch();
    const stream = this.#attempt?.stream;
    if (!this.#tunnel) this.#body?.hold(chunk, stream === undefined);
    if (!stream?.sendData(chunk)) this.downstream.pauseRequest();
  }

  onRequestEnd(trailers: FieldLines | undefined): void {
    if (this.#over) return;
    if (this.#body) {
      this.#body.ended = true;
      this.#body.trailers = trailers;
      if (this.#action)
        this.#deadlines.startRoute(this.context.clock.now(), routeTimeoutMs(this.#action, this));
    } else if (!this.#tunnel) return;
    const stream = this.#attempt?.stream;
    stream?.sendEnd(trailers);
    if (stream && this.#body?.whole) this.#mirror(this.#body.chunks);
    if (this.#tunnel) this.#endTunnelHalf();
  }

  get #wantsMirror(): boolean {
    return !this.#mirrored && (this.#action?.mirrors.length ?? 0) > 0;
  }

  /** Once, when the request is whole for the first time. */
  #mirror(chunks: readonly Buffer[]): void {
    if (!this.#wantsMirror || !this.#action) return;
    this.#mirrored = true;
    sendMirrors(this.context, this.#action, this.head, chunks);
  }

  onAttemptDrain(): void {
    this.downstream.resumeRequest();
  }

  // relay

  onAttemptInformational(head: ResponseHead): void {
    if (!this.#responseBegun) this.downstream.sendInformational(head);
  }

  onAttemptResponse(attempt: Attempt, head: ResponseHead): void {
    const plan = this.#plan as RetryPlan;
    if (plan.wantsResponseRetried(head) && this.#mayRepeat(attempt)) {
      attempt.discardResponse(head);
      this.#repeat(attempt, plan.delayAfterResponse(head));
      return;
    }
    this.#beginResponse(head);
    this.downstream.sendHead(head, false);
  }

  #beginResponse(head: ResponseHead): void {
    this.#responseBegun = true;
    this.#deadlines.startResponse();
    this.status = head.status;
    this.#body?.release();
    addVia(head.fields, -1, this.#routes.via[head.version]);
    const hashPolicy = this.#action?.hashPolicy;
    if (hashPolicy && hashPolicy.length > 0) {
      const cookie = newAffinityCookie(hashPolicy, this);
      if (cookie !== undefined) head.fields.push("Set-Cookie", cookie);
    }
    this.#applyRoute(head);
  }

  /** What the route does to every response, local ones included. */
  #applyRoute({ fields }: ResponseHead): void {
    const route = this.#compiled;
    if (!route) return;
    // A request that the cluster's breaker stopped was an attempt too.
    if (route.attemptCountInResponse && this.cluster !== "")
      setField(fields, ATTEMPT_COUNT, String(Math.max(this.attempts.length, 1)));
    if (!route.responseHeaders.isEmpty) route.responseHeaders.apply(fields, this);
  }

  onAttemptTunnel(head: ResponseHead): void {
    this.#beginResponse(head);
    this.#tunnel = true;
    this.context.counts.tunnels++;
    this.#deadlines.stopRoute();
    this.downstream.startTunnel(head);
  }

  onAttemptData(attempt: Attempt, chunk: Buffer): void {
    this.responseBytes += chunk.length;
    this.#deadlines.touch();
    if (!this.downstream.sendData(chunk)) attempt.stream?.pauseResponse();
  }

  onDownstreamDrain(): void {
    this.#attempt?.stream?.resumeResponse();
  }

  onAttemptEnd(_attempt: Attempt, trailers: FieldLines | undefined): void {
    this.downstream.sendEnd(trailers);
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
    } else this.#retryFailure(attempt, error);
  }

  /** Again after a while, where the policy says so. */
  #retryFailure(attempt: Attempt, error: ProxyError): void {
    const plan = this.#plan as RetryPlan;
    if (plan.wantsFailureRetried(error) && this.#mayRepeat(attempt)) this.#repeat(attempt, plan.backoffMs());
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

  onDeadline(kind: ErrorKind, detail: string): void {
    const error = proxyError(kind, detail);
    const attempt = this.#attempt;
    attempt?.cancel(error);
    if (attempt && kind === ERRORS.perTryTimeout) this.onAttemptFailed(attempt, error);
    else this.#fail(error, kind === ERRORS.routeTimeout ? this.#action?.timeoutStatus : undefined);
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
    this.retriesExhausted = plan.exhausted;
    attempt.retryDecision = plan.decision;
    return false;
  }

  #repeat(attempt: Attempt, delayMs: number): void {
    this.#deadlines.stopTry();
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

  #fail(error: ProxyError, status = error.kind.status, grpcStatus?: number): void {
    this.error = error;
    if (this.#responseBegun) {
      this.downstream.abort(error);
      this.#record();
      return;
    }
    const grpc = this.grpc || grpcStatus !== undefined;
    this.#reply(errorReply(error, status, grpc, { grpcStatus, flags: this.responseFlags }));
  }

  #reply({ head, body }: LocalReply): void {
    this.#responseBegun = true;
    this.status = head.status;
    this.#applyRoute(head);
    this.responseBytes = body.length;
    this.downstream.sendMessage(head, body);
    this.#record();
  }

  // record

  #record(): void {
    this.#over = true;
    const { clock, recorder, evidence, counts } = this.context;
    this.endedAt = clock.now();
    this.#deadlines.stop();
    this.#cancelDelay?.();
    this.#body?.release();
    counts.exchanges--;
    if (this.#tunnel) counts.tunnels--;
    if (this.#faulty) counts.faults--;
    recorder.end(this);
    for (const attempt of this.attempts) evidence.give(attempt.evidence);
  }
}
