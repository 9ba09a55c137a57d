import { type LoadResult, requestBytes, summary, type Work } from "./load.ts";
import { RequestLoop } from "./request-loop.ts";

/** Connections beyond this are not opened: whoever comes then waits, and its waiting counts. */
const MAX_CONNECTIONS = 512;
/** How long the loader sleeps between two looks at the clock: a timer of Node has no finer step than 1 ms. */
const NAP_MS = 0.1;
const nap = new Int32Array(new SharedArrayBuffer(4));

/**
 * Requests come at `perSecond` on average whether or not earlier ones are answered (Poisson arrivals), and each latency counts from when
 * the request was due. Otherwise a proxy that stalls would be asked less just then, and its stall would hardly show.
 */
export function openLoop(work: Work, port: number, perSecond: number, seconds: number): Promise<LoadResult> {
  const { promise, resolve } = Promise.withResolvers<LoadResult>();
  const request = requestBytes(work);
  const latencies: number[] = [];
  const idle: RequestLoop[] = [];
  const all: RequestLoop[] = [];
  const waiting: number[] = [];
  let errors = 0;
  const onAnswer = (loop: RequestLoop, ok: boolean): void => {
    latencies.push(performance.now() - loop.due);
    if (!ok) errors++;
    const due = waiting.shift();
    if (due !== undefined) {
      if (loop.isOpen) send(loop, due);
      else arrive(due);
    } else if (loop.isOpen) idle.push(loop);
  };
  const send = (loop: RequestLoop, due: number): void => {
    loop.due = due;
    loop.send();
  };
  const arrive = (due: number): void => {
    let loop = idle.pop();
    if (!loop && all.length < MAX_CONNECTIONS) {
      loop = new RequestLoop(port, request, onAnswer);
      all.push(loop);
    }
    if (loop) send(loop, due);
    else waiting.push(due);
  };
  const end = performance.now() + seconds * 1_000;
  let next = performance.now();
  const turn = (): void => {
    const now = performance.now();
    for (; next <= now; next += (-Math.log(1 - Math.random()) * 1_000) / perSecond) arrive(next);
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
