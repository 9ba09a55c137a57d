import { createHash } from "node:crypto";
import { appendFileSync, existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Job, nameOf, type Outcome } from "./job.ts";

const ROOT = fileURLToPath(new URL("../../../sidecar/", import.meta.url));
/** What decides how a run ends. */
const SOURCES = ["balancing/**/*.ts", "simulate/**/*.ts", "simulate/scenarios/*.yaml", "upstream/*.ts"];
/** JSON has no words for these. */
const UNWRITABLE: ReadonlyMap<unknown, number> = new Map([
  ["never", Number.POSITIVE_INFINITY],
  ["nothing", Number.NaN],
]);

/** Finished runs in a file, a line each, so that a long benchmark can be broken off and go on later. Runs of other code are not taken for it. */
export class KeptRuns {
  readonly #path: string;
  readonly #code = codeDigest();
  readonly #outcomes = new Map<string, Outcome>();

  constructor(path: string) {
    this.#path = path;
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, "utf8").split("\n")) {
      if (line === "") continue;
      const { code, ...outcome } = JSON.parse(line, (_, value) => UNWRITABLE.get(value) ?? value);
      if (code === this.#code) this.#outcomes.set(nameOf(outcome.job), outcome);
    }
  }

  get(job: Job): Outcome | undefined {
    return this.#outcomes.get(nameOf(job));
  }

  add(outcome: Outcome): void {
    const line = JSON.stringify({ code: this.#code, ...outcome }, (_, value) => {
      if (typeof value !== "number" || Number.isFinite(value)) return value;
      return Number.isNaN(value) ? "nothing" : "never";
    });
    appendFileSync(this.#path, `${line}\n`);
  }
}

function codeDigest(): string {
  const hash = createHash("sha256");
  for (const file of globSync(SOURCES, { cwd: ROOT }).sort()) {
    hash.update(file).update(readFileSync(join(ROOT, file)));
  }
  return hash.digest("hex").slice(0, 16);
}
