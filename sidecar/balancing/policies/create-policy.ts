import { adaptiveSettings } from "../adaptive-settings.ts";
import type { ResolvedPolicy } from "../balancer-options.ts";
import type { LoadTable } from "../load-table.ts";
import { Adaptive } from "./adaptive.ts";
import { ClientSideWrr } from "./client-side-wrr.ts";
import { HashWalk } from "./hash-walk.ts";
import { LeastRequest } from "./least-request.ts";
import { MaglevTable } from "./maglev.ts";
import { PeakEwma } from "./peak-ewma.ts";
import type { Policy } from "./policy.ts";
import { RandomDraw } from "./random.ts";
import { Ring } from "./ring-hash.ts";
import { Rotation } from "./round-robin.ts";

export function createPolicy(policy: ResolvedPolicy, table: LoadTable): Policy {
  const { roster, random } = table;
  const weights = () => table.weights.effective;
  switch (policy.kind) {
    case "round_robin":
      return { chooser: (set) => new Rotation(set, weights, random) };
    case "random":
      return { chooser: (set) => new RandomDraw(set, weights, random) };
    case "least_request":
      return { chooser: (set) => new LeastRequest(set, policy, table) };
    case "adaptive":
      return new Adaptive(table, adaptiveSettings(policy));
    case "peak_ewma":
      return new PeakEwma(policy, table);
    case "ring_hash":
      return { chooser: (set) => new HashWalk(set, new Ring(policy, roster), table, policy.balanceFactor) };
    case "maglev":
      return {
        chooser: (set) => new HashWalk(set, new MaglevTable(policy, roster), table, policy.balanceFactor),
      };
    case "client_side_weighted_round_robin":
      return new ClientSideWrr(policy, table);
  }
}
