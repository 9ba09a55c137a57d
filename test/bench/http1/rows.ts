import type { LoadResult, Work } from "./load.ts";
import { closedLoop } from "./load.ts";
import { median, rounded } from "./numbers.ts";
import { openLoop } from "./open-loop.ts";
import type { RunningProxy } from "./proxies.ts";
import { SIDECAR } from "./proxies.ts";

/** How long and how often things are measured. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpRequests: number;
  /** At most. */
  readonly warmUpSeconds: number;
  readonly streamBytes: number;
  readonly idleConnections: number;
  readonly decisions: number;
}

export const FULL: Effort = {
  rounds: 5,
  seconds: 3,
  warmUpRequests: 60_000,
  warmUpSeconds: 10,
  streamBytes: 1_000_000_000,
  idleConnections: 10_000,
  decisions: 1_000_000,
};
export const QUICK: Effort = {
  rounds: 2,
  seconds: 1,
  warmUpRequests: 10_000,
  warmUpSeconds: 3,
  streamBytes: 200_000_000,
  idleConnections: 10_000,
  decisions: 200_000,
};

export const CONNECTIONS = 64;

export interface Sample extends LoadResult {
  readonly cpuUs: number;
}
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/**
 * Every proxy under the same load, in short turns and each round in another order, so that whatever else the machine does meets all of
 * them. `load` gives the turn's load on a proxy.
 */
export async function interleaved(
  proxies: readonly RunningProxy[],
  rounds: number,
  load: (proxy: RunningProxy) => Promise<LoadResult>,
): Promise<Samples> {
  const samples = new Map<string, Sample[]>(proxies.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < proxies.length; i++) {
      const proxy = proxies[(i + round) % proxies.length] as RunningProxy;
      const before = proxy.process.cpuSeconds;
      const result = await load(proxy);
      const cpuUs = ((proxy.process.cpuSeconds - before) * 1e6) / result.requests;
      samples.get(proxy.name)?.push({ ...result, cpuUs });
    }
  }
  return samples;
}

/** Until compilers and pools have seen what they wait for: a matter of requests, and only where the machine is busy one of time. */
export async function warmUp(
  work: Work,
  { port }: RunningProxy,
  { warmUpRequests, warmUpSeconds }: Effort,
  directory: string,
): Promise<void> {
  const end = performance.now() + warmUpSeconds * 1_000;
  for (let requests = 0; requests < warmUpRequests && performance.now() < end; ) {
    requests += (await closedLoop(work, port, CONNECTIONS, 1, directory)).requests;
  }
}

export async function cpuRow(
  work: Work,
  proxies: readonly RunningProxy[],
  effort: Effort,
  directory: string,
): Promise<object> {
  const load = (seconds: number) => (proxy: RunningProxy) =>
    closedLoop(work, proxy.port, CONNECTIONS, seconds, directory);
  for (const proxy of proxies) await warmUp(work, proxy, effort, directory);
  const samples = await interleaved(proxies, effort.rounds, load(effort.seconds));
  return {
    proxies: described(samples),
    cpuRatio: ratios(samples, (sample) => sample.cpuUs),
    throughputRatio: ratios(samples, (sample) => sample.perSecond),
  };
}

/** All get the same rate: half of what the sidecar was seen to carry. */
export async function tailRow(
  work: Work,
  proxies: readonly RunningProxy[],
  effort: Effort,
  directory: string,
): Promise<object> {
  const sidecar = proxies.filter(({ name }) => name === SIDECAR);
  const most = await interleaved(sidecar, 2, ({ port }) =>
    closedLoop(work, port, CONNECTIONS, effort.seconds, directory),
  );
  const perSecond = Math.round(
    median((most.get(SIDECAR) as readonly Sample[]).map((sample) => sample.perSecond)) / 2,
  );
  const load = (proxy: RunningProxy): Promise<LoadResult> =>
    openLoop(work, proxy.port, perSecond, effort.seconds, CONNECTIONS);
  await interleaved(proxies, 1, load);
  const samples = await interleaved(proxies, effort.rounds, load);
  return { perSecond, proxies: described(samples), p99Ratio: ratios(samples, (sample) => sample.p99Ms) };
}

function described(samples: Samples): object {
  const each = [...samples].map(([name, of]) => [
    name,
    {
      cpuUs: rounded(median(of.map((sample) => sample.cpuUs))),
      cpuUsRange: range(of.map((sample) => sample.cpuUs)),
      perSecond: Math.round(median(of.map((sample) => sample.perSecond))),
      p50Ms: rounded(median(of.map((sample) => sample.p50Ms))),
      p99Ms: rounded(median(of.map((sample) => sample.p99Ms))),
      errors: of.reduce((sum, sample) => sum + sample.errors, 0),
    },
  ]);
  return Object.fromEntries(each);
}

/** The sidecar to each rival, round by round: median, least and most. */
function ratios(samples: Samples, number: (sample: Sample) => number): object {
  const own = samples.get(SIDECAR) ?? [];
  const rivals = [...samples].filter(([name]) => name !== SIDECAR);
  return Object.fromEntries(
    rivals.map(([name, of]) => {
      const each = own.map((sample, round) => number(sample) / number(of[round] as Sample));
      return [name, { median: rounded(median(each)), range: range(each) }];
    }),
  );
}

function range(values: readonly number[]): readonly number[] {
  return [rounded(Math.min(...values)), rounded(Math.max(...values))];
}
