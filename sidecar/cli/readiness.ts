import type { Clock } from "../../xds/common/clock.ts";
import type { SidecarProxy } from "../proxy/index.ts";

/** How often a sidecar that is not ready yet looks whether it is, in ms. */
const LOOK_MS = 20;

/**
 * Knows when the sidecar is ready: the first whole configuration is in use and every listener is bound. Once ready it stays so
 * until it drains; a control server that vanishes later changes nothing.
 */
export class Readiness {
  readonly #proxy: SidecarProxy;
  readonly #configured: () => boolean;
  readonly #settled = Promise.withResolvers<void>();
  #ready = false;

  /** @param configured has everything that was asked for come, or its time run out? */
  constructor(proxy: SidecarProxy, configured: () => boolean, clock: Clock) {
    this.#proxy = proxy;
    this.#configured = configured;
    const look = (): void => {
      if (this.missing === "") this.#settled.resolve();
      else clock.after(LOOK_MS, look);
    };
    look();
  }

  /** Resolves the first time that the sidecar is ready. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** What is not there yet, for people; empty when ready. */
  get missing(): string {
    if (this.#ready) return "";
    if (!this.#configured()) return "the first configuration is not there yet";
    const listeners = this.#proxy.listeners();
    const failed = listeners.find(({ failure, bound }) => failure !== "" && bound === undefined);
    if (failed) return `listener ${failed.name} is not bound: ${failed.failure}`;
    if (listeners.some(({ address, bound }) => address !== undefined && bound === undefined)) {
      return "the listeners are not bound yet";
    }
    this.#ready = true;
    return "";
  }
}
