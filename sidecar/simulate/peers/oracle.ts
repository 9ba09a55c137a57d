import type { Slot } from "../../balancing/balancer.ts";
import { lowest, Peer } from "./peer.ts";

/**
 * Shortest expected delay with the true queues and speeds of this instant, requests on their way included: what one central
 * balancer that knows all could do. Not a policy anybody can run; the measure for those that can be.
 */
export class Oracle extends Peer {
  protected grow(): void {}

  protected choose(candidates: readonly Slot[]): Slot {
    return lowest(candidates, this.sources.random(), this.sources.delayAt);
  }
}
