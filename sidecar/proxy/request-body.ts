import type { FieldLines } from "../codec/head.ts";

/** How much of request bodies is kept for retries, over all requests. */
export class ReplayBudget {
  readonly maxBytes: number;
  bytes = 0;

  /** @param maxBytes default 16 MiB. */
  constructor(maxBytes = 16 * 1024 * 1024) {
    this.maxBytes = maxBytes;
  }
}

/**
 * The part of a request's body that is held: what no attempt has taken yet, and what was sent but might have to be sent again.
 * Beyond its bounds the body is passed on without a copy, and the request can no longer be repeated.
 */
export class RequestBody {
  readonly chunks: Buffer[] = [];
  /** All of it has arrived. */
  ended = false;
  trailers: FieldLines | undefined = undefined;
  /** Everything that arrived so far is held. */
  whole = true;
  readonly #budget: ReplayBudget;
  #maxBytes: number;
  #bytes = 0;

  constructor(budget: ReplayBudget, maxBytes: number) {
    this.#budget = budget;
    this.#maxBytes = maxBytes;
  }

  /** Holds a chunk. With `must`, because no attempt can take it yet, even beyond the bounds: the caller is paused meanwhile. */
  hold(chunk: Buffer, must: boolean): void {
    if (!this.whole) return;
    const bytes = this.#bytes + chunk.length;
    if (!must && (bytes > this.#maxBytes || this.#budget.bytes + chunk.length > this.#budget.maxBytes)) {
      this.release();
      return;
    }
    // Its memory is read into again.
    this.chunks.push(Buffer.from(chunk));
    this.#bytes = bytes;
    this.#budget.bytes += chunk.length;
  }

  /** The route has a bound of its own. */
  limit(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /** No attempt will need it again. */
  release(): void {
    this.whole = false;
    this.#budget.bytes -= this.#bytes;
    this.#bytes = 0;
    if (this.chunks.length > 0) this.chunks.length = 0;
  }

  /** After it was sent for the first time: what only stood because nobody had taken it goes when it is beyond the bounds. */
  sent(): void {
    if (this.#bytes > this.#maxBytes || this.#budget.bytes > this.#budget.maxBytes) this.release();
  }
}
