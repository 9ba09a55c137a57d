import type { Socket } from "node:net";
import type { Cancel, Clock } from "../../xds/common/clock.ts";

/*
 * A turn is what one read of one socket causes, from the bytes' arrival to the last decision. Within it time stands still: reading
 * the clock a dozen times for a request would cost more than it tells.
 */

let inTurn = false;
let turns = 0;

/** Somebody who may go on sending a turn's bytes when it has ended: they are needed until nothing is left to write. */
export interface BytesKeeper {
  readonly writableLength: number;
}

export const NOBODY: BytesKeeper = { writableLength: 0 };
/** It is not known who, or they are several: nobody will tell when the bytes are not needed any more. */
const SOMEBODY: BytesKeeper = { writableLength: Number.POSITIVE_INFINITY };
let bytesKeeper = SOMEBODY;

/** To be called when a socket's bytes are about to be looked at; turns do not nest. */
export function beginTurn(): void {
  inTurn = true;
  turns++;
  bytesKeeper = NOBODY;
}

/** The bytes that this turn read are still needed when it has ended: their memory is not to be read into until then. */
export function keepBytes(keeper: BytesKeeper): void {
  bytesKeeper = bytesKeeper === NOBODY || bytesKeeper === keeper ? keeper : SOMEBODY;
}

/** Who keeps the bytes of the turn that has just ended. What was read outside any turn is kept by somebody. */
export function takeKeeper(): BytesKeeper {
  const keeper = bytesKeeper;
  bytesKeeper = SOMEBODY;
  return keeper;
}

export function endTurn(): void {
  inTurn = false;
}

/** Hears what `socket` reads, each read as a turn. */
export function onRead(socket: Socket, hear: (chunk: Buffer) => void): void {
  socket.on("data", (chunk: Buffer) => {
    beginTurn();
    hear(chunk);
    endTurn();
  });
}

/** A clock that is read once per turn. */
export class TurnClock implements Clock {
  readonly #clock: Clock;
  #turn = -1;
  #now = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    if (!inTurn) return this.#clock.now();
    if (this.#turn !== turns) {
      this.#turn = turns;
      this.#now = this.#clock.now();
    }
    return this.#now;
  }

  wall(): number {
    return this.#clock.wall();
  }

  after(delayMs: number, fire: () => void): Cancel {
    return this.#clock.after(delayMs, fire);
  }
}
