import { loadBootstrap } from "../../sidecar/cli/load-bootstrap.ts";
import { startSidecar } from "../../sidecar/cli/run-sidecar.ts";
import { createLogger } from "../../xds/common/logger.ts";
import type { Measured, Started } from "./measured-sidecar.ts";

/*
 * A whole sidecar in a process of its own that tells its parent what it holds. Run with --expose-gc: memory is what is left after
 * a collection.
 */

const { bootstrap, errors } = loadBootstrap({ file: process.argv[2], environment: {} });
if (!bootstrap) throw new Error(errors.join("\n"));
const { proxy, adminAddress, ready } = await startSidecar({
  bootstrap,
  logger: createLogger("warn"),
  env: {},
});
await ready;

function measure(): Measured {
  globalThis.gc?.();
  globalThis.gc?.();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return {
    counts: proxy.counts(),
    clusters: proxy.clusters(),
    resources,
    heapUsed,
    external,
    arrayBuffers,
    rss,
  };
}

/** Stands still as a process that is not scheduled does. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

process.on("message", (asked: "measure" | { readonly stallMs: number }) => {
  if (asked === "measure") {
    process.send?.(measure());
    return;
  }
  // Told before it happens: afterwards would be too late for whoever wants to use the time.
  process.send?.("stalling", () => {
    stall(asked.stallMs);
    // Measured when the event loop has turned, and what came meanwhile has been seen.
    setTimeout(() => process.send?.(measure()), 200);
  });
});
process.on("disconnect", () => process.exit(0));
process.send?.({
  admin: Number(adminAddress.split(":").at(-1)),
  listener: proxy.listeners()[0]?.bound?.port ?? 0,
} satisfies Started);
