import { childPath, pathSegments } from "../common/field-path.ts";
import type { Problem } from "../common/problem.ts";
import type { ModelContext } from "./resource-type.ts";

const LONGEST_KEY = 256;

/** The problems of one resource, of which a bounded number is kept. */
class ProblemList {
  readonly limit: number;
  errors = 0;
  readonly #found: Problem[] = [];
  #untold = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  add(problem: Problem): void {
    if (problem.severity === "error") this.errors++;
    if (this.#found.length < this.limit) this.#found.push(problem);
    else this.#untold++;
  }

  all(): readonly Problem[] {
    if (this.#untold === 0) return this.#found;
    const severity = this.errors > 0 ? "error" : "warning";
    return [
      ...this.#found,
      { path: "", reason: `has ${this.#untold} more problems, not told here`, severity },
    ];
  }
}

/**
 * A place in a resource while it is read: it collects problems under its path, which is put together only when there is one,
 * so that reading ten thousand good endpoints writes no path.
 */
export class Scope {
  readonly context: ModelContext;
  /** How many `Any` this place is inside of. */
  readonly anyDepth: number;
  readonly #problems: ProblemList;
  readonly #parent: Scope | undefined;
  readonly #key: string | number;

  private constructor(
    context: ModelContext,
    problems: ProblemList,
    parent: Scope | undefined,
    key: string | number,
    anyDepth: number,
  ) {
    this.context = context;
    this.#problems = problems;
    this.#parent = parent;
    this.#key = key;
    this.anyDepth = anyDepth;
  }

  static root(context: ModelContext): Scope {
    return new Scope(context, new ProblemList(context.limits.problems), undefined, "", 0);
  }

  /** The place of a field, a list item or a map entry. */
  at(key: string | number): Scope {
    return new Scope(this.context, this.#problems, this, key, this.anyDepth);
  }

  /** The place that a path below this one names. */
  within(path: string): Scope {
    return pathSegments(path).reduce<Scope>((scope, key) => scope.at(key), this);
  }

  /** The same place, seen as the inside of an `Any`. */
  insideAny(): Scope {
    return new Scope(this.context, this.#problems, this.#parent, this.#key, this.anyDepth + 1);
  }

  /** Keys of maps come from outside and may be of any length: they are cut. */
  get path(): string {
    if (this.#parent === undefined) return "";
    const key = typeof this.#key === "string" ? this.#key.slice(0, LONGEST_KEY) : this.#key;
    return childPath(this.#parent.path, key);
  }

  error(reason: string): void {
    this.note({ reason, severity: "error" });
  }

  warn(reason: string): void {
    this.note({ reason, severity: "warning" });
  }

  note({ reason, severity }: Pick<Problem, "reason" | "severity">): void {
    this.#problems.add({ path: this.path, reason, severity });
  }

  /** The resource is refused, for more errors than will be told: what is costly to check may be left out from here on. */
  get hopeless(): boolean {
    return this.#problems.errors > this.#problems.limit;
  }

  /** Every problem noted so far, anywhere in the resource. */
  problems(): readonly Problem[] {
    return this.#problems.all();
  }
}
