import type { HealthCheck } from "../../xds/model/cluster.ts";
import { type Cost, meanCost } from "./cost.ts";
import type { ServerShape } from "./server.ts";

/** What goes wrong with an endpoint while a fault is on. */
export type FaultEffect =
  /** Works at this part of its speed; 0 stands still. Several at once multiply. */
  | { readonly kind: "slow"; readonly speed: number }
  /** Starts at this part of its speed and comes to all of it, evenly, while the fault lasts. */
  | { readonly kind: "warm_up"; readonly speed: number }
  /** This part of the requests fails `afterMs` after it arrived, without work. */
  | { readonly kind: "errors"; readonly part: number; readonly afterMs: number }
  /** No process listens: what was in it breaks off, new connections are refused. */
  | { readonly kind: "refuse" }
  /** Takes requests and never answers. */
  | { readonly kind: "black_hole" }
  /** Turns away, with 429 and this Retry-After, requests that find so many others in it. */
  | { readonly kind: "push_back"; readonly limit: number; readonly retryAfterMs: number }
  /** The control plane says that it is draining: what was in it is answered, nothing new goes there. */
  | { readonly kind: "drain" }
  /** The control plane does not list it. */
  | { readonly kind: "absent" };

/** What the control plane says of an endpoint. */
export type Listing = "healthy" | "draining" | "absent";

export interface Fault {
  /** Indexes of endpoints. */
  readonly endpoints: readonly number[];
  readonly effect: FaultEffect;
  readonly fromMs: number;
  readonly toMs: number;
  /** Undefined: on from `fromMs` to `toMs`. Set: comes and goes, on each endpoint by itself. */
  readonly repeat:
    | {
        readonly everyMs: number;
        readonly lengthMs: number;
        /** Interval and length are drawn evenly from 1 - jitter to 1 + jitter of these. */
        readonly jitter: number;
      }
    | undefined;
}

/** A stretch of the run that is reported by itself. */
export interface Phase {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly durationMs: number;
  readonly clients: number;
  readonly endpoints: readonly ServerShape[];
  /** Requests per second of all clients together, from the time on. First at 0. */
  readonly rates: readonly { readonly fromMs: number; readonly perSecond: number }[];
  readonly cost: Cost;
  readonly network: {
    /** One way. */
    readonly latencyMs: number;
    /** Each way takes evenly 1 - jitter to 1 + jitter of the latency. */
    readonly jitter: number;
    /** One way, on top, between zones. */
    readonly crossZoneMs: number;
  };
  /** Of one try. */
  readonly timeoutMs: number;
  readonly retry: Retry | undefined;
  /** Endpoints report their load with each answer, to policies that work with and without. */
  readonly reports: boolean;
  readonly locality: "none" | "weighted" | "zone_aware";
  /** Each sidecar probes each endpoint by itself. */
  readonly healthCheck: HealthCheck | undefined;
  readonly faults: readonly Fault[];
  readonly phases: readonly Phase[];
}

export interface Retry {
  /** Tries in all, 2 or more. A refused one is repeated at once and free; others draw on the budget. */
  readonly tries: number;
  /** Part of the requests under way that may be retries. */
  readonly budgetPercent: number;
  /** Of all tries together; no try begins after it. */
  readonly deadlineMs: number;
}

export const DEFAULT_RETRY = { tries: 2, budgetPercent: 20 } as const;

/** What all endpoints can do together, in requests per second, when nothing is wrong with them. */
export function capacity(endpoints: readonly ServerShape[], cost: Cost): number {
  let work = 0;
  for (const endpoint of endpoints) work += endpoint.cores * endpoint.speed;
  return (work * 1000) / meanCost(cost);
}

/** The fault that the reaction is measured by: the first that begins and ends once, where all such are of the same endpoints. */
export function watchedFault({ faults, durationMs }: Scenario): Fault | undefined {
  const once = faults.filter(({ repeat, fromMs, toMs }) => !repeat && fromMs > 0 && toMs < durationMs);
  const [first] = once;
  return once.every(({ endpoints }) => String(endpoints) === String(first!.endpoints)) ? first : undefined;
}
