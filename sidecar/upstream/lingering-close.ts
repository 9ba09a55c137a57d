import type { Socket } from "node:net";
import type { Expiring, TimerWheel } from "../../xds/common/timer-wheel.ts";
import { WheelTimer } from "../../xds/common/timer-wheel.ts";

/** A caller that was told all has this long to end its side; what it still sends is thrown away. */
const LINGER_MS = 1_000;

/**
 * Ends a connection whose last byte is written: FIN, then the peer's FIN is awaited for a moment, because closing with unread
 * bytes would reset the connection and eat the answer (RFC 9112, 9.6). A slow reader gets everything, as long as it takes some of it
 * within each `stuckMs`; 0: however long that takes.
 */
export class LingeringClose implements Expiring {
  readonly #socket: Socket;
  readonly #wheel: TimerWheel;
  readonly #stuckMs: number;
  readonly #onClosed: () => void;
  readonly #timer = new WheelTimer(this);
  #unsent: number;
  #stuckForMs = 0;
  #peerEnded: boolean;
  #closed = false;

  constructor(socket: Socket, wheel: TimerWheel, stuckMs: number, peerEnded: boolean, onClosed: () => void) {
    this.#socket = socket;
    this.#wheel = wheel;
    this.#stuckMs = stuckMs;
    this.#onClosed = onClosed;
    this.#peerEnded = peerEnded;
    this.#unsent = socket.writableLength;
    socket.end();
    socket.resume();
    socket.on("finish", () => this.#closeWhenDone());
    socket.on("close", () => this.close());
    wheel.arm(this.#timer, LINGER_MS);
    this.#closeWhenDone();
  }

  onPeerEnd(): void {
    this.#peerEnded = true;
    this.#closeWhenDone();
  }

  onExpired(): void {
    const { writableLength } = this.#socket;
    this.#stuckForMs = writableLength < this.#unsent ? 0 : this.#stuckForMs + LINGER_MS;
    this.#unsent = writableLength;
    const givenUp = this.#stuckMs > 0 && this.#stuckForMs > this.#stuckMs;
    if (writableLength === 0 || givenUp) this.close();
    else this.#wheel.arm(this.#timer, LINGER_MS);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wheel.disarm(this.#timer);
    this.#socket.destroy();
    this.#onClosed();
  }

  #closeWhenDone(): void {
    if (this.#peerEnded && this.#socket.writableFinished) this.close();
  }
}
