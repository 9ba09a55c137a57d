import type { CacheEntry, EntryFailure, EntryState } from "../protocol/client-entry.ts";
import type { SotwSubscription, SubscriptionStatus } from "../protocol/client-sotw.ts";
import type { ServerStatus } from "./ads-connection.ts";
import type { ClientCounters } from "./client-report.ts";

/** One resource as the cache knows it. Times are wall times in ms. */
export interface ResourceStatus {
  readonly name: string;
  readonly state: EntryState;
  /** The version under which the content in use was last delivered; empty where there is none. */
  readonly version: string;
  /** When the content in use arrived. */
  readonly since: number | undefined;
  readonly failure: EntryFailure | undefined;
}

export interface TypeStatus extends SubscriptionStatus {
  readonly resources: readonly ResourceStatus[];
}

/** What the sidecar knows of its control plane, for people. */
export interface XdsStatus {
  /** Empty for a sidecar that has static configuration only. */
  readonly servers: readonly ServerStatus[];
  /** True once the first complete configuration was there; stays true. */
  readonly initialized: boolean;
  readonly types: readonly TypeStatus[];
  /** What waits for its endpoints or routes. */
  readonly warming: { readonly clusters: readonly string[]; readonly listeners: readonly string[] };
  /** Totals since the start. */
  readonly counters: ClientCounters & {
    /** Configurations handed to the data plane. */
    readonly configurations: number;
  };
}

export function typeStatus(subscription: SotwSubscription<unknown>): TypeStatus {
  return {
    ...subscription.status(),
    resources: Array.from(subscription.entries.values(), resourceStatus),
  };
}

function resourceStatus({ name, state, version, value, failure }: CacheEntry<unknown>): ResourceStatus {
  return { name, state, version, since: value?.since, failure };
}
