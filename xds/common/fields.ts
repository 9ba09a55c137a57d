import { formatDuration, parseDuration } from "./duration.ts";
import { childPath } from "./field-path.ts";
import { didYouMean } from "./nearest-name.ts";
import type { Problems } from "./problem.ts";

/** An item of a list, with its own path. */
export interface Item {
  readonly value: unknown;
  readonly path: string;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The longest duration that any setting takes: 100 years, far from where milliseconds lose precision. */
const LONGEST_DURATION_MS = 100 * 365 * 86_400_000;

/**
 * Reads one mapping of a configuration file strictly. Each getter returns undefined for a key that is absent or wrong, and notes
 * what is wrong; `close` then names every key that no getter asked for. So the code that reads a mapping is also the list
 * of what is allowed in it, and all mistakes come to light at once.
 */
export class Fields {
  readonly path: string;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #asked = new Set<string>();
  readonly #problems: Problems;
  /** The key whose value was written without a mapping round it: its path is the mapping's own. */
  readonly #short: string | undefined;

  private constructor(
    values: ReadonlyMap<string, unknown>,
    path: string,
    problems: Problems,
    short?: string,
  ) {
    this.#values = values;
    this.path = path;
    this.#problems = problems;
    this.#short = short;
  }

  /** Undefined, with a problem noted, when the value is not a mapping. */
  static of(value: unknown, path: string, problems: Problems): Fields | undefined {
    if (!isMapping(value)) {
      problems.error(path, `must be a mapping of keys to values, not ${describe(value)}`);
      return undefined;
    }
    return new Fields(new Map(Object.entries(value)), path, problems);
  }

  /** A mapping, or in short the value of its one key that matters: `retries: 2` for `retries: { max: 2 }`. */
  static ofShort(value: unknown, key: string, path: string, problems: Problems): Fields {
    if (isMapping(value)) return new Fields(new Map(Object.entries(value)), path, problems);
    return new Fields(new Map([[key, value]]), path, problems, key);
  }

  has(key: string): boolean {
    this.#asked.add(key);
    const value = this.#values.get(key);
    return value !== undefined && value !== null;
  }

  keys(): string[] {
    return [...this.#values.keys()];
  }

  at(key: string): string {
    return key === this.#short ? this.path : childPath(this.path, key);
  }

  error(key: string, reason: string): void {
    this.#problems.error(this.at(key), reason);
  }

  /** The value as it stands; the caller checks it. */
  raw(key: string): unknown {
    return this.has(key) ? this.#values.get(key) : undefined;
  }

  required(key: string): boolean {
    if (this.has(key)) return true;
    this.#problems.error(this.path, `"${key}" is missing`);
    return false;
  }

  string(key: string, maxLength = 1024): string | undefined {
    return this.#read(key, "text", (value) => {
      if (typeof value !== "string") return undefined;
      if (value.length <= maxLength) return value;
      throw new Refusal(`must be at most ${maxLength} characters long, not ${value.length}`);
    });
  }

  nonEmptyString(key: string, maxLength = 1024): string | undefined {
    const value = this.string(key, maxLength);
    if (value !== "") return value;
    this.error(key, "must not be empty");
    return undefined;
  }

  boolean(key: string): boolean | undefined {
    return this.#read(key, "true or false", (value) => (typeof value === "boolean" ? value : undefined));
  }

  integer(key: string, { min, max }: Range): number | undefined {
    const wanted = `a whole number from ${min} to ${max}`;
    return this.#read(key, wanted, (value) =>
      Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
    );
  }

  number(key: string, { min, max }: Range): number | undefined {
    return this.#read(key, `a number from ${min} to ${max}`, (value) =>
      typeof value === "number" && value >= min && value <= max ? value : undefined,
    );
  }

  /** A duration like `250ms`, `1.5s`, `5m` or `1h`, in ms. */
  duration(key: string, { min, max }: Range = { min: 0, max: LONGEST_DURATION_MS }): number | undefined {
    return this.#read(key, 'a duration such as "250ms", "1.5s", "5m" or "1h"', (value) => {
      const ms = typeof value === "string" ? parseDuration(value) : undefined;
      if (ms === undefined || (ms >= min && ms <= max)) return ms;
      const [least, most, given] = [min, max, ms].map(formatDuration);
      throw new Refusal(`must be from ${least} to ${most}, not ${given}`);
    });
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | undefined {
    return this.#read(key, `one of ${allowed.join(", ")}`, (value) => {
      if (allowed.some((name) => name === value)) return value as T;
      if (typeof value !== "string") return undefined;
      throw new Refusal(
        `must be one of ${allowed.join(", ")}, not ${describe(value)}${didYouMean(value, allowed)}`,
      );
    });
  }

  mapping(key: string): Fields | undefined {
    return this.has(key) ? Fields.of(this.#values.get(key), this.at(key), this.#problems) : undefined;
  }

  list(key: string, maxItems: number): Item[] | undefined {
    const values = this.#read(key, "a list", (value) => {
      if (!Array.isArray(value)) return undefined;
      if (value.length <= maxItems) return value as unknown[];
      throw new Refusal(`must have at most ${maxItems} items, not ${value.length}`);
    });
    return values?.map((value, index) => ({ value, path: childPath(this.at(key), index) }));
  }

  /** A list of mappings; what is none is noted and left out. */
  mappings(key: string, maxItems: number): Fields[] {
    const items = this.list(key, maxItems) ?? [];
    return items.flatMap(({ value, path }) => Fields.of(value, path, this.#problems) ?? []);
  }

  strings(key: string, maxItems: number): string[] | undefined {
    const items = this.list(key, maxItems);
    const texts = items?.filter((item): item is Item & { value: string } => {
      if (typeof item.value === "string" && item.value !== "") return true;
      this.#problems.error(item.path, `must be text, not ${describe(item.value)}`);
      return false;
    });
    return texts?.map((item) => item.value);
  }

  /** Names every key that was not asked for. */
  close(): void {
    for (const key of this.#values.keys()) {
      if (this.#asked.has(key)) continue;
      const allowed = [...this.#asked];
      const near = didYouMean(key, allowed);
      const hint = near === "" ? `; allowed here: ${allowed.sort().join(", ")}` : near;
      this.#problems.error(this.at(key), `unknown key ${describe(key)}${hint}`);
    }
  }

  #read<T>(key: string, wanted: string, convert: (value: unknown) => T | undefined): T | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#values.get(key);
    try {
      const converted = convert(value);
      if (converted === undefined) this.error(key, `must be ${wanted}, not ${describe(value)}`);
      return converted;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.error(key, error.message);
      return undefined;
    }
  }
}

/** A value of the right type that is not allowed, with the sentence that says why. */
class Refusal extends Error {}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value from a file as it may stand in a message: short, quoted, never the content of a mapping. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isMapping(value)) return "a mapping";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > 64 ? `${value.slice(0, 61)}...` : value);
}
