import type { Cancel, Clock } from "../../xds/common/clock.ts";

/** How often it is looked whether the event loop still turns. */
const LOOK_MS = 50;
/** A timer that fires so much too late tells that our event loop stood still; less is ordinary business. */
export const STALL_MS = 100;

/** Notices when our own event loop stood still: what was measured across such a gap is no endpoint's fault. */
export class StallWatch {
  readonly #clock: Clock;
  readonly #onStall: (ms: number) => void;
  #cancel: Cancel | undefined;

  constructor(clock: Clock, onStall: (ms: number) => void) {
    this.#clock = clock;
    this.#onStall = onStall;
    this.#look();
  }

  close(): void {
    this.#cancel?.();
  }

  #look(): void {
    const due = this.#clock.now() + LOOK_MS;
    this.#cancel = this.#clock.after(LOOK_MS, () => {
      const late = this.#clock.now() - due;
      if (late > STALL_MS) this.#onStall(late);
      this.#look();
    });
  }
}
