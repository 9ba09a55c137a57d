import type { XdsStatus } from "../../xds/client/client-status.ts";
import type { Clock } from "../../xds/common/clock.ts";
import type { SidecarProxy } from "../proxy/index.ts";

/** How often a sidecar that is not ready yet looks whether it is, in ms. */
const LOOK_MS = 20;
/** Names in one sentence. */
const MAX_NAMES = 5;

/** The part of the xDS client that is asked. */
interface Configured {
  /** Has everything that was asked for come, or its time run out? */
  readonly initialized: boolean;
  status(): XdsStatus;
}

/**
 * Knows when the sidecar is ready: the first whole configuration is in use and every listener is bound. Once ready it stays so
 * until it drains; a control server that vanishes later changes nothing.
 */
export class Readiness {
  readonly #proxy: SidecarProxy;
  readonly #xds: Configured;
  readonly #settled = Promise.withResolvers<void>();
  #ready = false;

  constructor(proxy: SidecarProxy, xds: Configured, clock: Clock) {
    this.#proxy = proxy;
    this.#xds = xds;
    const look = (): void => {
      // The status of thousands of resources is made only when somebody asks.
      if (this.#xds.initialized && this.missing === "") this.#settled.resolve();
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
    if (!this.#xds.initialized) return awaitedConfiguration(this.#xds.status());
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

/** What of the first configuration has not come, nor its time run out. */
function awaitedConfiguration({ servers, warming }: XdsStatus): string {
  const away = servers.find(({ state }) => state !== "connected");
  if (away) {
    const why = away.lastFailure === undefined ? "" : ` (${away.lastFailure.reason})`;
    return `the control server ${away.target} does not answer${why}`;
  }
  const names = [...warming.clusters, ...warming.listeners];
  if (names.length === 0) return "the control server has not sent the first configuration";
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return `the control server has not sent what ${names.slice(0, MAX_NAMES).join(", ")}${more} need`;
}
