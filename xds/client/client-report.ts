import type { Logger } from "../common/logger.ts";
import { describeProblem } from "../common/problem.ts";
import type { SotwOutcome } from "../protocol/client-sotw.ts";

/** Totals since the start. */
export interface ClientCounters {
  /** Responses that could be read. */
  readonly responses: number;
  /** Resources whose new content was taken into use. */
  readonly accepted: number;
  /** Resources refused, with a NACK. */
  readonly rejected: number;
  /** Faults in accepted resources that are ignored. */
  readonly warnings: number;
  /** Resources that nobody had asked for. */
  readonly superfluous: number;
  /** Messages that were no DiscoveryResponse, or of a type that was never asked for. */
  readonly unreadable: number;
}

/** Warnings are logged once per resource and field; beyond this many different ones they are only counted. */
const REMEMBERED_WARNINGS = 1000;

/** Counts what the control server sent, and logs what is wrong with it: each thing once, however often it is sent. */
export class ClientReport {
  readonly #logger: Logger;
  readonly #counters = {
    responses: 0,
    accepted: 0,
    rejected: 0,
    warnings: 0,
    superfluous: 0,
    unreadable: 0,
  } satisfies ClientCounters;
  readonly #warned = new Set<string>();
  readonly #loggedNacks = new Map<string, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  counters(): ClientCounters {
    return { ...this.#counters };
  }

  /** `typeUrl` undefined: the message was no DiscoveryResponse. */
  unreadable(bytes: number, typeUrl: string | undefined): void {
    this.#counters.unreadable++;
    const what = typeUrl === undefined ? "that is no DiscoveryResponse" : "of a type that was not asked for";
    if (this.#first(`message ${what}`)) {
      const context = { bytes, typeUrl: typeUrl?.slice(0, 200) };
      this.#logger.warn(context, `ignored a message of the control server ${what}`);
    }
  }

  response(typeUrl: string, version: string, outcome: SotwOutcome): void {
    this.#counters.responses++;
    this.#counters.accepted += outcome.updated;
    this.#counters.rejected += outcome.rejections.length;
    this.#counters.superfluous += outcome.superfluous;
    this.#counters.warnings += outcome.warnings.length;
    const refusal = outcome.request.errorDetail;
    if (refusal === undefined) {
      this.#loggedNacks.delete(typeUrl);
    } else if (this.#loggedNacks.get(typeUrl) !== refusal) {
      this.#loggedNacks.set(typeUrl, refusal);
      const context = { typeUrl, version, refusal };
      this.#logger.error(context, "refused resources of the control server, their last good content stays");
    }
    for (const { name, problem } of outcome.warnings) {
      if (!this.#first(`${typeUrl} ${name} ${problem.path}`)) continue;
      this.#logger.warn({ typeUrl, resource: name, path: problem.path }, describeProblem(problem));
    }
  }

  missing(what: string, names: readonly string[]): void {
    this.#logger.warn({ names: names.slice(0, 20), count: names.length }, `${what} did not come in time`);
  }

  #first(key: string): boolean {
    if (this.#warned.has(key) || this.#warned.size >= REMEMBERED_WARNINGS) return false;
    this.#warned.add(key);
    return true;
  }
}
