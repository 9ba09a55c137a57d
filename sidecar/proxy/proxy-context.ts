import type { Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import type { Random } from "../../xds/common/random.ts";
import type { TimerWheel } from "../../xds/common/timer-wheel.ts";
import { DEFAULT_LIMITS } from "../codec/limits.ts";
import type { FormatEnvironment } from "../routing/index.ts";
import type { Recorder } from "../telemetry/facts.ts";
import type { ClusterSet } from "../upstream/cluster-set.ts";
import type { EvidencePool } from "./evidence-pool.ts";
import type { ReplayBudget } from "./request-body.ts";
import type { CallerCounts, CallerLimits, WaitingCallers } from "./waiting-callers.ts";

/** Bounds of the data path that Envoy's configuration has no word for. */
export interface ProxyLimits extends CallerLimits {
  /** Upstream connections over all clusters; a request that needs one more goes elsewhere or gets 503 LR. Default unbounded. */
  readonly maxUpstreamConnections: number;
  /** Request body kept per request for a retry, in bytes; a route's buffer limit overrides it. Default 64 KiB. */
  readonly replayBytesPerRequest: number;
  /** The same over all requests. Default 16 MiB. */
  readonly replayBytesTotal: number;
  /** Times that a request of which nothing was sent is taken to another endpoint without a retry policy. Default 3. */
  readonly freeRetries: number;
  /** The request target, in bytes. Default 8 KiB. */
  readonly maxTargetBytes: number;
  /** Status line and fields of a response, and its trailers, in bytes; a larger one is answered with 502. Default 60 KiB. */
  readonly maxResponseHeadBytes: number;
  /** Fields of a response. Default 100. */
  readonly maxResponseFields: number;
  /** Interim (1xx) responses to one request. Default 16. */
  readonly maxInformationalResponses: number;
  /** One chunk's size line with its extensions, either way, in bytes. Default 1 KiB. */
  readonly maxChunkLineBytes: number;
  /** Whether a response over TLS may end with its connection, which a cut looks like too. */
  readonly allowUnframedTlsResponses: boolean;
  /** How long one question to a name server may take, in ms; it is asked twice. Default 2 000. */
  readonly dnsTimeoutMs: number;
}

export const DEFAULT_PROXY_LIMITS: ProxyLimits = Object.freeze({
  maxDownstreamConnections: 10_000,
  maxWaitingConnections: 128,
  maxUpstreamConnections: Number.POSITIVE_INFINITY,
  replayBytesPerRequest: 64 * 1024,
  replayBytesTotal: 16 * 1024 * 1024,
  freeRetries: 3,
  maxTargetBytes: DEFAULT_LIMITS.maxTargetBytes,
  maxResponseHeadBytes: DEFAULT_LIMITS.maxHeadBytes,
  maxResponseFields: DEFAULT_LIMITS.maxFields,
  maxInformationalResponses: DEFAULT_LIMITS.maxInformational,
  maxChunkLineBytes: DEFAULT_LIMITS.maxChunkLineBytes,
  allowUnframedTlsResponses: false,
  dnsTimeoutMs: 2_000,
});

/** What everything on the data path shares. */
export interface ProxyContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly recorder: Recorder;
  readonly clusters: ClusterSet;
  readonly logger: Logger;
  readonly limits: ProxyLimits;
  readonly replay: ReplayBudget;
  readonly evidence: EvidencePool;
  /** This process's name in `Via`: unique, so that a request that comes round again is known. */
  readonly viaName: string;
  readonly environment: FormatEnvironment;
  readonly counts: ProxyCounts;
  readonly callers: WaitingCallers;
}

/** What is held at the moment, but for what is said to be in all: 0 when nothing is going on. */
export interface ProxyCounts extends CallerCounts {
  exchanges: number;
  attempts: number;
  tunnels: number;
  /** Faults being injected. */
  faults: number;
  /** Copies of requests. */
  mirrors: number;
  /** Copies that were not sent, in all: too many were under way, or too many requests in their cluster. */
  mirrorsDropped: number;
}
