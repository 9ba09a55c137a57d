import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Job, Outcome } from "./job.ts";

export const WORKERS = availableParallelism();

/**
 * Runs the jobs in their order, one at a time on every core, and tells each that ends. No job begins after `deadline`, on the
 * monotonic clock; resolves when none is under way.
 */
export async function runAll(
  jobs: readonly Job[],
  deadline: number,
  onOutcome: (outcome: Outcome) => void,
): Promise<void> {
  const waiting = jobs.values();
  const work = (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const worker = new Worker(new URL("worker.ts", import.meta.url));
    const next = (): void => {
      const { value: job } = performance.now() < deadline ? waiting.next() : { value: undefined };
      if (job) worker.postMessage(job);
      else void worker.terminate().then(() => resolve());
    };
    worker.on("error", reject);
    worker.on("message", (outcome: Outcome) => {
      onOutcome(outcome);
      next();
    });
    next();
    return promise;
  };
  await Promise.all(Array.from({ length: Math.min(WORKERS, jobs.length) }, work));
}
