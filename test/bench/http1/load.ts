import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { percentile } from "./numbers.ts";
import { installed, LOAD_CORE, pinned } from "./pinned-process.ts";
import { RequestLoop } from "./request-loop.ts";

/** What callers ask, over and over. */
export interface Work {
  readonly name: string;
  readonly title: string;
  readonly path: string;
  /** Of the request's body; 0: a GET. */
  readonly bodyBytes: number;
  /** Each request has a connection of its own. */
  readonly closes: boolean;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers other than 200, and broken connections. */
  readonly errors: number;
}

const wrk = installed("wrk");
export const loaderName = wrk ? "wrk" : "node";

/** `connections` callers that each send again as soon as they are answered, for `seconds`. */
export function closedLoop(
  work: Work,
  port: number,
  connections: number,
  seconds: number,
  directory: string,
): Promise<LoadResult> {
  return wrk
    ? wrkLoad(wrk, work, port, connections, seconds, directory)
    : nodeLoad(work, port, connections, seconds);
}

export function requestBytes({ path, bodyBytes, closes }: Work): Buffer {
  const start = `${bodyBytes > 0 ? "POST" : "GET"} ${path} HTTP/1.1\r\nHost: backend\r\n`;
  const length = bodyBytes > 0 ? `Content-Length: ${bodyBytes}\r\n` : "";
  const last = closes ? "Connection: close\r\n" : "";
  return Buffer.from(`${start}${length}${last}\r\n${"x".repeat(bodyBytes)}`);
}

/** The same for wrk, in its language. */
function wrkScript({ bodyBytes, closes }: Work): string {
  const body = bodyBytes > 0 ? `wrk.method = "POST"\nwrk.body = string.rep("x", ${bodyBytes})\n` : "";
  return closes ? `${body}wrk.headers["Connection"] = "close"\n` : body;
}

async function wrkLoad(
  program: string,
  work: Work,
  port: number,
  connections: number,
  seconds: number,
  directory: string,
): Promise<LoadResult> {
  const script = join(directory, `${work.name}.lua`);
  writeFileSync(script, wrkScript(work));
  const args = [
    "-t1",
    `-c${connections}`,
    `-d${Math.max(1, Math.round(seconds))}s`,
    "--latency",
    "-s",
    script,
  ];
  const [command, commandArgs] = pinned(LOAD_CORE, program, [
    ...args,
    `http://127.0.0.1:${port}${work.path}`,
  ]);
  const { stdout } = await promisify(execFile)(command, commandArgs);
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout) ?? [];
  return {
    requests: number(/(\d+) requests in/),
    perSecond: number(/Requests\/sec: +([\d.]+)/),
    p50Ms: milliseconds(/ 50% +(\S+)/.exec(stdout)?.[1]),
    p99Ms: milliseconds(/ 99% +(\S+)/.exec(stdout)?.[1]),
    errors:
      number(/Non-2xx or 3xx responses: (\d+)/) +
      broken.slice(1).reduce((sum, count) => sum + Number(count), 0),
  };
}

/** `413.00us`, `1.92ms`, `1.03s`. */
function milliseconds(text: string | undefined): number {
  const [, amount, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? "") ?? [];
  return Number(amount) * (unit === "us" ? 1e-3 : unit === "s" ? 1e3 : 1);
}

async function nodeLoad(work: Work, port: number, connections: number, seconds: number): Promise<LoadResult> {
  const latencies: number[] = [];
  let errors = 0;
  const end = performance.now() + seconds * 1_000;
  const request = requestBytes(work);
  const loops = new Set<RequestLoop>();
  const send = (loop: RequestLoop): void => {
    loop.due = performance.now();
    loop.send();
  };
  const open = (): void => {
    const loop = new RequestLoop(port, request, onAnswer);
    loops.add(loop);
    send(loop);
  };
  const onAnswer = (loop: RequestLoop, ok: boolean): void => {
    latencies.push(performance.now() - loop.due);
    if (!ok) errors++;
    if (work.closes || !loop.isOpen) {
      loop.close();
      loops.delete(loop);
      if (performance.now() < end) open();
    } else if (performance.now() < end) send(loop);
  };
  for (let i = 0; i < connections; i++) open();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  for (const loop of loops) loop.close();
  return summary(latencies, seconds, errors);
}

export function summary(latencies: number[], seconds: number, errors: number): LoadResult {
  return {
    requests: latencies.length,
    perSecond: latencies.length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    errors,
  };
}
