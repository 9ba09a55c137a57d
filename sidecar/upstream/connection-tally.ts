import type { ProxyError } from "../../xds/common/errors.ts";
import { ERRORS } from "../../xds/common/errors.ts";

export interface ConnectionCounts {
  /** Open or being opened. */
  readonly active: number;
  readonly total: number;
  readonly connectFailures: number;
  /** Of the failures, those for want of time. */
  readonly connectTimeouts: number;
}

/** Counts connections: those to one endpoint, and with them those of its cluster. */
export class ConnectionTally implements ConnectionCounts {
  active = 0;
  total = 0;
  connectFailures = 0;
  connectTimeouts = 0;
  readonly #whole: ConnectionTally | undefined;

  /** @param whole what this one is a part of. */
  constructor(whole?: ConnectionTally) {
    this.#whole = whole;
  }

  onOpening(): void {
    this.active++;
    this.total++;
    this.#whole?.onOpening();
  }

  /** Also of one that was given up while it was being opened. */
  onClosed(): void {
    this.active--;
    this.#whole?.onClosed();
  }

  /** It could not be opened. */
  onFailed(error: ProxyError): void {
    this.active--;
    this.connectFailures++;
    if (error.kind === ERRORS.connectTimeout) this.connectTimeouts++;
    this.#whole?.onFailed(error);
  }
}
