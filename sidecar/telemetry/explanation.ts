import type { Candidate } from "./decision.ts";
import type { Exclusion } from "./sentence.ts";

/** A request that nobody sends: what would become of it? */
export interface ExplainRequest {
  readonly method: string;
  readonly authority: string;
  /** With its query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty: the first listener that takes HTTP. */
  readonly listener: string;
}

/** The route a request would take and the pick it would get now. Nothing is sent and nothing is learned from it. */
export interface Explanation {
  readonly listener: string;
  /** Empty: no route matches. */
  readonly route: string;
  readonly action: "forward" | "redirect" | "direct_response" | "none";
  /** Empty unless it would be forwarded. */
  readonly cluster: string;
  readonly policy: string;
  /** Why the pick would fall so: a pick reason's name. */
  readonly reason: string;
  /** Empty: no endpoint could be used. */
  readonly chosen: string;
  readonly candidates: readonly Candidate[];
  readonly eligible: number;
  readonly total: number;
  readonly excluded: readonly Exclusion[];
  /** What happens, for a person. */
  readonly sentence: string;
}
