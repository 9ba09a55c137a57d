import type { Problem } from "../common/problem.ts";

/** A resource that was read: what it says, or what is wrong with it. Warnings may stand beside a value. */
export interface Decoded<T> {
  /** Empty where it could not be read. */
  readonly name: string;
  /** Undefined when any problem is an error. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
}
