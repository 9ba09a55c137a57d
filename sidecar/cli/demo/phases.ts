import type { Behaviour } from "./backend.ts";

/** One act of the demo: what the sick backend does, and for how long. */
export interface Phase {
  readonly name: string;
  readonly behaviour: Behaviour;
  readonly seconds: number;
  readonly tells: string;
}

export const PHASES: readonly Phase[] = [
  { name: "healthy", behaviour: "healthy", seconds: 10, tells: "all three backends are well" },
  { name: "slow", behaviour: "slow", seconds: 9, tells: "orders-b became 5x slower" },
  { name: "errors", behaviour: "failing", seconds: 9, tells: "orders-b answers every call with a fast 500" },
  { name: "dead", behaviour: "dead", seconds: 9, tells: "orders-b is gone: its port refuses" },
  { name: "returned", behaviour: "healthy", seconds: 14, tells: "orders-b was repaired" },
];
