import { type LoadResult, requestBytes, summary, type Work } from "./load.ts";
import { RequestLoop } from "./request-loop.ts";

/** How long the loader sleeps between two looks at the clock: a timer of Node has no finer step than 1 ms. */
const NAP_MS = 0.1;
const nap = new Int32Array(new SharedArrayBuffer(4));

/**
 * Requests come at `perSecond` on average whether or not earlier ones are answered (Poisson arrivals), and each latency counts from when
 * the request was due. Otherwise a proxy that stalls would be asked less just then, and its stall would hardly show. They go over
 * `connections` that stand before the first is due: what comes while all are in use waits, and its waiting counts.
 */
export async function openLoop(
  work: Work,
  port: number,
  perSecond: number,
  seconds: number,
  connections: number,
): Promise<LoadResult> {
  const request = requestBytes(work);
  const { promise: opened, resolve: onOpened } = Promise.withResolvers<void>();
  const { promise, resolve } = Promise.withResolvers<LoadResult>();
  const latencies: number[] = [];
  const all = new Set<RequestLoop>();
  const idle: RequestLoop[] = [];
  const waiting: number[] = [];
  let measures = false;
  let errors = 0;
  const open = (): RequestLoop => {
    const loop = new RequestLoop(port, request, onAnswer);
    all.add(loop);
    return loop;
  };
  const send = (loop: RequestLoop, due: number): void => {
    loop.due = due;
    loop.send();
  };
  const onAnswer = (answered: RequestLoop, ok: boolean): void => {
    if (measures) {
      latencies.push(performance.now() - answered.due);
      if (!ok) errors++;
    }
    let loop = answered;
    if (!loop.isOpen) {
      all.delete(loop);
      loop = open();
    }
    const due = waiting.shift();
    if (due !== undefined) send(loop, due);
    else idle.push(loop);
    if (idle.length === connections) onOpened();
  };
  for (let i = 0; i < connections; i++) send(open(), 0);
  await opened;

  measures = true;
  const end = performance.now() + seconds * 1_000;
  let next = performance.now();
  const turn = (): void => {
    const now = performance.now();
    for (; next <= now; next += (-Math.log(1 - Math.random()) * 1_000) / perSecond) {
      const loop = idle.pop();
      if (loop) send(loop, next);
      else waiting.push(next);
    }
    if (now < end) {
      Atomics.wait(nap, 0, 0, NAP_MS);
      setImmediate(turn);
      return;
    }
    for (const loop of all) loop.close();
    resolve(summary(latencies, seconds, errors));
  };
  turn();
  return promise;
}
