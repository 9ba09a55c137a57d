import type { Clock } from "../../xds/common/clock.ts";
import type { ErrorKind } from "../../xds/common/errors.ts";
import { ERRORS } from "../../xds/common/errors.ts";
import type { Expiring, TimerWheel } from "../../xds/common/timer-wheel.ts";
import { WheelTimer } from "../../xds/common/timer-wheel.ts";
import { fieldValue, type RequestHead } from "../codec/head.ts";
import type { ForwardAction } from "../routing/index.ts";

const NEVER = Number.POSITIVE_INFINITY;

export interface DeadlineOwner {
  /** `kind` is `perTryTimeout` for the attempt alone; anything else ends the exchange. */
  onDeadline(kind: ErrorKind, detail: string): void;
}

/**
 * When an exchange is out of time, by each of its timeouts, on one timer: it is armed for the nearest and looks again when that has moved.
 * All in ms; 0 switches a timeout off.
 */
export class ExchangeDeadlines implements Expiring {
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #owner: DeadlineOwner;
  readonly #timer = new WheelTimer(this);
  #routeMs = 0;
  #routeDue = NEVER;
  #durationDue = NEVER;
  #tryDue = NEVER;
  #tryMs = 0;
  #tryIdleMs = 0;
  #tryBegunAt = 0;
  #idleMs = 0;
  #activeAt: number;

  constructor(clock: Clock, wheel: TimerWheel, owner: DeadlineOwner, now: number) {
    this.#clock = clock;
    this.#wheel = wheel;
    this.#owner = owner;
    this.#activeAt = now;
  }

  /** No byte either way for `idleMs`, or a life of more than `durationMs` since `begun`, ends the exchange. */
  start(begun: number, idleMs: number, durationMs: number): void {
    this.#idleMs = idleMs;
    if (durationMs > 0) this.#durationDue = begun + durationMs;
    this.#arm(begun);
  }

  /** The request is whole: from now on the response has `routeMs` to be whole too (Envoy's RouteAction.timeout). */
  startRoute(now: number, routeMs: number): void {
    if (routeMs === 0) return;
    this.#routeMs = routeMs;
    this.#routeDue = now + routeMs;
    this.#arm(now);
  }

  /** A try begins: it has `tryMs` to begin its response, and until its end no pause between bytes may be longer than `tryIdleMs`. */
  startTry(now: number, tryMs: number, tryIdleMs: number): void {
    this.#tryMs = tryMs;
    this.#tryIdleMs = tryIdleMs;
    this.#tryBegunAt = now;
    this.#tryDue = tryMs > 0 ? now + tryMs : NEVER;
    this.#arm(now);
  }

  /** The try has begun its response in time. */
  startResponse(): void {
    this.#tryDue = NEVER;
  }

  /** The try is over; the next may have to wait. */
  stopTry(): void {
    this.#tryDue = NEVER;
    this.#tryIdleMs = 0;
  }

  /** A tunnel has no end that could be late, and its pauses are the stream's. */
  stopRoute(): void {
    this.#routeDue = NEVER;
    this.#tryIdleMs = 0;
  }

  /** Bytes passed. */
  touch(): void {
    this.#activeAt = this.#clock.now();
  }

  stop(): void {
    this.#wheel.disarm(this.#timer);
  }

  onExpired(): void {
    const now = this.#clock.now();
    if (now >= this.#routeDue) {
      this.#owner.onDeadline(ERRORS.routeTimeout, `no whole response within ${this.#routeMs} ms`);
    } else if (now >= this.#durationDue) {
      this.#owner.onDeadline(ERRORS.maxDuration, "the request lasted longer than it may");
    } else if (now >= this.#tryDue) {
      this.#tryDue = NEVER;
      this.#arm(now);
      this.#owner.onDeadline(ERRORS.perTryTimeout, `no response within the try's ${this.#tryMs} ms`);
    } else if (now >= this.#tryIdleDue) {
      const idleMs = this.#tryIdleMs;
      this.#tryIdleMs = 0;
      this.#arm(now);
      this.#owner.onDeadline(ERRORS.perTryTimeout, `no byte of the try for ${idleMs} ms`);
    } else if (now >= this.#idleDue) {
      this.#owner.onDeadline(ERRORS.streamIdleTimeout, `no byte either way for ${this.#idleMs} ms`);
    } else this.#arm(now);
  }

  get #idleDue(): number {
    return this.#idleMs > 0 ? this.#activeAt + this.#idleMs : NEVER;
  }

  get #tryIdleDue(): number {
    return this.#tryIdleMs > 0 ? Math.max(this.#tryBegunAt, this.#activeAt) + this.#tryIdleMs : NEVER;
  }

  #arm(now: number): void {
    const due = Math.min(this.#routeDue, this.#durationDue, this.#tryDue, this.#tryIdleDue, this.#idleDue);
    if (due < this.#timer.due) this.#wheel.arm(this.#timer, due - now);
  }
}

const GRPC_UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** How long the response to a request may take by its route: what a gRPC caller asks for counts where the route lets it, up to its bound. */
export function routeTimeoutMs(
  { timeoutMs, grpcTimeoutMaxMs }: ForwardAction,
  { grpc, head }: { readonly grpc: boolean; readonly head: RequestHead },
): number {
  if (grpcTimeoutMaxMs === undefined || !grpc) return timeoutMs;
  const asked = grpcTimeoutMs(fieldValue(head.fields, "grpc-timeout"));
  if (asked === undefined) return timeoutMs;
  return grpcTimeoutMaxMs > 0 ? Math.min(asked, grpcTimeoutMaxMs) : asked;
}

/** `grpc-timeout` (PROTOCOL-HTTP2.md: at most 8 digits and a unit) in ms; undefined: absent or unreadable. */
function grpcTimeoutMs(value: string | undefined): number | undefined {
  if (value === undefined || value.length < 2 || value.length > 9) return undefined;
  const unit = GRPC_UNITS[value[value.length - 1] as string];
  const amount = Number(value.slice(0, -1));
  return unit === undefined || !Number.isInteger(amount) || amount < 0 ? undefined : amount * unit;
}
