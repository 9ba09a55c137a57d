import { type BackoffPolicy, backoffDelay } from "../common/backoff.ts";
import type { Cancel, Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { Random } from "../common/random.ts";
import type { AdsStream, AdsTransport, StreamEnd } from "./ads-transport.ts";

/**
 * 1 s, 1.6 times longer each time, at most 30 s, half of it left to chance: a fleet that lost its control server comes back
 * spread out, and one sidecar alone knocks less than three times a minute.
 */
export const RECONNECT_BACKOFF: BackoffPolicy = { baseMs: 1000, factor: 1.6, maxMs: 30_000, jitter: 0.5 };

/** A connection that is neither made nor refused is given up after this, in ms (a packet filter that drops everything). */
const CONNECT_TIMEOUT_MS = 10_000;

/** A connected server that has sent nothing for this long is worth a warning, in ms; it may simply have nothing (gRFC A57). */
const SILENCE_MS = 60_000;

export interface ConnectionOptions {
  readonly transport: AdsTransport;
  readonly backoff: BackoffPolicy;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onOpen: () => void;
  readonly onMessage: (bytes: Uint8Array) => void;
  readonly onClose: () => void;
}

export interface ServerStatus {
  readonly target: string;
  readonly state: "connecting" | "connected" | "waiting";
  /** Wall time in ms; undefined unless connected. */
  readonly connectedSince: number | undefined;
  /** Wall time in ms of the newest response; undefined before the first. */
  readonly lastResponse: number | undefined;
  readonly connects: number;
  /** Streams that failed without an answer, since the start. */
  readonly failures: number;
  readonly lastFailure: { readonly reason: string; readonly at: number } | undefined;
}

/**
 * Keeps one ADS stream open, for ever. A stream that ends without any response is a failure and is tried again after a growing
 * delay; one that had answered ended for the server's own reasons (age, rebalancing, restart) and is opened again at once, yet not
 * more than once per base delay, so that a server that answers and hangs up does not make a busy loop (gRFC A57).
 */
export class AdsConnection {
  readonly #options: ConnectionOptions;
  #stream: AdsStream | undefined;
  #state: ServerStatus["state"] = "waiting";
  #cancelTimer: Cancel | undefined;
  #attempt = 0;
  #startedAt = 0;
  #answered = false;
  #connectedSince: number | undefined;
  #lastResponse: number | undefined;
  #connects = 0;
  #failures = 0;
  #lastFailure: ServerStatus["lastFailure"];
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#connect();
  }

  send(bytes: Uint8Array): void {
    this.#stream?.send(bytes);
  }

  /** Holds messages back until `resume`, so that a fast server fills no memory. */
  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#stream?.abort();
    this.#stream = undefined;
    this.#state = "waiting";
    this.#connectedSince = undefined;
  }

  status(): ServerStatus {
    return {
      target: this.#options.transport.target,
      state: this.#state,
      connectedSince: this.#connectedSince,
      lastResponse: this.#lastResponse,
      connects: this.#connects,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  #connect(): void {
    const { clock, transport } = this.#options;
    this.#state = "connecting";
    this.#answered = false;
    this.#startedAt = clock.now();
    this.#setTimer(CONNECT_TIMEOUT_MS, () => {
      this.#stream?.abort();
      this.#onEnd({ code: "DEADLINE_EXCEEDED", reason: `no connection within ${CONNECT_TIMEOUT_MS} ms` });
    });
    this.#stream = transport.connect({
      open: () => this.#onOpen(),
      message: (bytes) => this.#onMessage(bytes),
      close: (end) => this.#onEnd(end),
    });
  }

  #onOpen(): void {
    const { clock, logger, onOpen, transport } = this.#options;
    this.#state = "connected";
    this.#connectedSince = clock.wall();
    this.#connects++;
    this.#setTimer(SILENCE_MS, () => {
      logger.warn({ server: transport.target }, `control server is silent since ${SILENCE_MS / 1000} s`);
    });
    logger.info({ server: transport.target }, "connected to the control server");
    onOpen();
  }

  #onMessage(bytes: Uint8Array): void {
    if (!this.#answered) {
      this.#answered = true;
      this.#cancelTimer?.();
    }
    this.#lastResponse = this.#options.clock.wall();
    this.#options.onMessage(bytes);
  }

  #onEnd(end: StreamEnd): void {
    if (this.#closed || this.#state === "waiting") return;
    const { backoff, clock, logger, onClose, random, transport } = this.#options;
    const opened = this.#state === "connected";
    this.#state = "waiting";
    this.#stream = undefined;
    this.#connectedSince = undefined;
    if (opened) onClose();

    let delayMs: number;
    const reason = `${end.code}: ${end.reason}`;
    // A message over our own limit comes again with every stream: opening one at once would load it again and again.
    if (this.#answered && end.code !== "RESOURCE_EXHAUSTED") {
      this.#attempt = 0;
      delayMs = Math.max(0, backoff.baseMs - (clock.now() - this.#startedAt));
      logger.info(
        { server: transport.target, reason },
        "the control server ended the stream, opening another",
      );
    } else {
      this.#failures++;
      this.#lastFailure = { reason, at: clock.wall() };
      delayMs = backoffDelay(backoff, this.#attempt++, random);
      const retry = { server: transport.target, reason, retryInMs: Math.round(delayMs) };
      logger.warn(retry, "no configuration from the control server, what is in use stays");
    }
    this.#setTimer(delayMs, () => this.#connect());
  }

  #setTimer(delayMs: number, fire: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.clock.after(delayMs, fire);
  }
}
