import type { EndpointView } from "../../balancing/balancer.ts";
import type { Terminal } from "../command.ts";
import { bar, milliseconds, percent, renderTable } from "../table.ts";

const BAR_WIDTH = 20;
const CLEAR_TO_END = "\x1b[0J";

/** One moment of the demo, as shown. */
export interface Scene {
  readonly phase: string;
  readonly tells: string;
  readonly secondsLeft: number;
  readonly endpoints: readonly (EndpointView & { readonly name: string })[];
  readonly requestsPerSecond: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly decision: string;
}

/** Redraws in place on a terminal; prints a line per phase and a table now and then where output is kept (a file, CI). */
export class Screen {
  readonly #terminal: Terminal;
  #height = 0;
  #lastPhase = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(scene: Scene): void {
    const out = this.#terminal.stdout;
    const lines = this.#lines(scene);
    if (out.isTTY) {
      const up = this.#height > 0 ? `\x1b[${this.#height}A\r` : "";
      const width = out.columns ?? 120;
      out.write(
        `${up}${lines.map((line) => `${[...line].slice(0, width - 1).join("")}\x1b[K`).join("\n")}\n${CLEAR_TO_END}`,
      );
      this.#height = lines.length;
    } else if (scene.phase !== this.#lastPhase) {
      out.write(`${scene.phase}: ${scene.tells}\n`);
    } else if (scene.secondsLeft <= 1) {
      out.write(`${lines.slice(2).join("\n")}\n`);
    }
    this.#lastPhase = scene.phase;
  }

  #lines(scene: Scene): string[] {
    const table = renderTable(
      [
        { title: "endpoint", align: "left", cell: (endpoint) => `${endpoint.name} ${endpoint.address}` },
        { title: "state", align: "left", cell: (endpoint) => endpoint.state },
        { title: "share", align: "right", cell: (endpoint) => percent(endpoint.share) },
        { title: "", align: "left", cell: (endpoint) => bar(endpoint.share, BAR_WIDTH) },
        { title: "weight", align: "right", cell: (endpoint) => endpoint.weight.toFixed(2) },
        { title: "latency", align: "right", cell: (endpoint) => milliseconds(endpoint.latencyMs) },
        { title: "errors", align: "right", cell: (endpoint) => percent(endpoint.errorRate, 0) },
        { title: "in flight", align: "right", cell: (endpoint) => String(endpoint.inFlight) },
      ],
      scene.endpoints,
    );
    return [
      `phase ${scene.phase}: ${scene.tells} (${Math.ceil(scene.secondsLeft)} s left)`,
      "",
      ...table.map((line) => `  ${line}`),
      `  ${Math.round(scene.requestsPerSecond)} requests/s, p50 ${milliseconds(scene.p50Ms)}, p99 ${milliseconds(scene.p99Ms)}, failed ${scene.failed}`,
      `  last notable decision: ${scene.decision}`,
      "",
    ];
  }
}
