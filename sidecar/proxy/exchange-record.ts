import type { ProxyError } from "../../xds/common/errors.ts";
import type { Hash64 } from "../../xds/common/xxhash64.ts";
import type { Slot } from "../balancing/balancer.ts";
import type { RequestHead } from "../codec/head.ts";
import type { DownstreamStream } from "../codec/stream.ts";
import type { RequestContext } from "../routing/index.ts";
import type { ExchangeFacts, TraceContext } from "../telemetry/facts.ts";
import type { Attempt } from "./attempt.ts";
import type { HttpRoutes } from "./http-routes.ts";
import type { ProxyContext } from "./proxy-context.ts";

const NO_SLOTS: readonly Slot[] = Object.freeze([]);

/** What is known of one exchange: filled by its phases, read by header formats, by the balancer and, when it is over, by telemetry. */
export class ExchangeRecord implements ExchangeFacts, RequestContext {
  readonly context: ProxyContext;
  /** Changed on the way to the upstream; the four below stay as the caller sent them. */
  readonly head: RequestHead;
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  readonly scheme: string;
  readonly startedAt: number;
  protected readonly downstream: DownstreamStream;
  readonly listener: string;
  /** The connection's peer, or who stands behind it by the word of trusted proxies. */
  remoteAddress: string;
  /** The caller stands inside the network, and may set timeouts and retries by header. */
  internal = false;
  readonly attempts: Attempt[] = [];
  trace!: TraceContext;
  requestId = "";
  userAgent = "";
  grpc = false;
  route = "";
  routeVersion: string;
  cluster = "";
  clusterVersion = "";
  endpointsVersion = "";
  policy = "";
  endedAt = Number.NaN;
  status = 0;
  requestBytes = 0;
  responseBytes = 0;
  error: ProxyError | undefined = undefined;
  /** A retry was wanted, and all that the route grants were used up. */
  retriesExhausted = false;
  /** What a pick goes by besides the endpoints themselves. */
  hash: Hash64 | undefined = undefined;
  tried: readonly Slot[] = NO_SLOTS;

  constructor(routes: HttpRoutes, downstream: DownstreamStream, head: RequestHead) {
    const { context } = routes;
    this.context = context;
    this.head = head;
    this.method = head.method;
    this.authority = head.authority;
    this.target = head.target;
    this.scheme = head.scheme;
    this.startedAt = context.clock.now();
    this.listener = routes.listener;
    this.remoteAddress = downstream.remoteAddress;
    this.downstream = downstream;
    this.routeVersion = routes.version;
  }

  get localAddress(): string {
    return this.downstream.localAddress;
  }

  get protocolVersion(): string {
    return this.head.version === 2 ? "2" : this.head.version === 1 ? "1.1" : "1.0";
  }

  get startedAtWall(): number {
    const { clock } = this.context;
    return clock.wall() - (clock.now() - this.startedAt);
  }

  get routeName(): string {
    return this.route;
  }

  get upstreamAddress(): string {
    return this.attempts[this.attempts.length - 1]?.address ?? "";
  }

  get upstreamHost(): string {
    const attempt = this.attempts[this.attempts.length - 1];
    return attempt ? attempt.cluster.hostname(attempt.slot) || attempt.address : "";
  }

  get responseFlags(): string {
    const flag = this.error?.kind.flag ?? "";
    if (!this.retriesExhausted) return flag;
    return flag === "" ? "URX" : `${flag},URX`;
  }
}
