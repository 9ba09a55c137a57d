/**
 * One thing wrong with a piece of configuration. Checks collect every problem instead of stopping at the first, so that a
 * person mends a file, or a control plane a resource, in one go.
 */
export interface Problem {
  /** Where: the field path inside the document or resource, e.g. `endpoints[3].lb_endpoints[1].address`. */
  readonly path: string;
  /** What is wrong and what is allowed, in one sentence without a full stop. */
  readonly reason: string;
  /** An error rejects the resource; a warning is accepted, logged once and counted. */
  readonly severity: "error" | "warning";
}

/** Collects problems under a path that grows as a check walks down the document. */
export class Problems {
  readonly found: Problem[] = [];

  error(path: string, reason: string): void {
    this.found.push({ path, reason, severity: "error" });
  }

  warn(path: string, reason: string): void {
    this.found.push({ path, reason, severity: "warning" });
  }

  get errors(): readonly Problem[] {
    return this.found.filter((problem) => problem.severity === "error");
  }

  get warnings(): readonly Problem[] {
    return this.found.filter((problem) => problem.severity === "warning");
  }

  get failed(): boolean {
    return this.found.some((problem) => problem.severity === "error");
  }
}

export function describeProblem(problem: Problem): string {
  return problem.path === "" ? problem.reason : `${problem.path}: ${problem.reason}`;
}
