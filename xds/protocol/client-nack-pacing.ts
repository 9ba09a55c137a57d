import type { Cancel, Clock } from "../common/clock.ts";
import type { SotwRequest } from "./client-sotw.ts";

/** Shortest time between two NACKs of one type that say the same, in ms. */
const REPEAT_MS = 1000;

interface LastNack {
  readonly errorDetail: string;
  readonly at: number;
}

interface HeldNack {
  readonly request: SotwRequest;
  readonly cancel: Cancel;
}

/**
 * Passes requests on, except that a NACK which repeats the last one of its type is held back for a moment. Some control servers
 * answer a NACK by sending the refused resources again at once; without this the two would keep each other busy for ever.
 */
export class NackPacing {
  readonly #clock: Clock;
  readonly #pass: (request: SotwRequest) => void;
  readonly #last = new Map<string, LastNack>();
  readonly #held = new Map<string, HeldNack>();

  constructor(clock: Clock, pass: (request: SotwRequest) => void) {
    this.#clock = clock;
    this.#pass = pass;
  }

  send(request: SotwRequest): void {
    const { typeUrl, responseNonce } = request;
    const held = this.#held.get(typeUrl);
    if (held !== undefined) {
      held.cancel();
      this.#held.delete(typeUrl);
      // Changed names for the same response: without the error they would say that it was accepted.
      if (request.errorDetail === undefined && held.request.responseNonce === responseNonce) {
        this.#passNow({ ...request, errorDetail: held.request.errorDetail });
        return;
      }
    }
    const last = this.#last.get(typeUrl);
    const wait =
      last !== undefined && request.errorDetail === last.errorDetail
        ? last.at + REPEAT_MS - this.#clock.now()
        : 0;
    if (wait <= 0) {
      this.#passNow(request);
      return;
    }
    const cancel = this.#clock.after(wait, () => {
      this.#held.delete(typeUrl);
      this.#passNow(request);
    });
    this.#held.set(typeUrl, { request, cancel });
  }

  /** The stream is gone, and with it the responses that held NACKs would have answered. */
  clear(): void {
    for (const { cancel } of this.#held.values()) cancel();
    this.#held.clear();
  }

  #passNow(request: SotwRequest): void {
    const { errorDetail, typeUrl } = request;
    if (errorDetail !== undefined) this.#last.set(typeUrl, { errorDetail, at: this.#clock.now() });
    this.#pass(request);
  }
}
