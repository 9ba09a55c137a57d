import type { Balancer, BalancerSources } from "./balancer.ts";
import type { BalancerOptions, ResolvedPolicy } from "./balancer-options.ts";
import { ClusterBalancer } from "./cluster-balancer.ts";

export type { BalancerSources } from "./balancer.ts";
export type { BalancerOptions, ResolvedPolicy } from "./balancer-options.ts";
export { DEFAULT_POLICIES } from "./default-policies.ts";

/** A balancer without endpoints; `update` brings them. The same seed and the same calls give the same picks. */
export function createBalancer(
  policy: ResolvedPolicy,
  options: BalancerOptions,
  sources: BalancerSources,
): Balancer {
  return new ClusterBalancer(policy, options, sources);
}
