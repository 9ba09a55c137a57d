import pino from "pino";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { createProxy, type SidecarProxy } from "../../sidecar/proxy/index.ts";
import { EventQueue } from "../../sidecar/simulate/event-queue.ts";
import { FaultSchedule } from "../../sidecar/simulate/fault-schedule.ts";
import { quantile } from "../../sidecar/simulate/latencies.ts";
import { Recording } from "../../sidecar/simulate/recording.ts";
import type { Scenario } from "../../sidecar/simulate/scenario.ts";
import { MIN_RETRIES } from "../../sidecar/simulate/simulated-client.ts";
import { STREAM, streamOf } from "../../sidecar/simulate/workload.ts";
import { systemClock } from "../../xds/common/clock.ts";
import type { Configuration } from "../../xds/model/configuration.ts";
import { cluster, configurationOf, forward, route, routeTable, virtualHost } from "../support/proxy-bed.ts";
import { RETRY } from "../support/retry-policy.ts";
import { OpenLoop } from "./open-loop.ts";
import { StallLog } from "./stall-log.ts";
import { TryRecorder } from "./try-recorder.ts";
import { VirtualBackend } from "./virtual-backend.ts";

/** Between the last listener and the first request, ms. */
const LEAD_MS = 200;
const CALIBRATION_MS = 3_000;
/** Simulated sidecars have no bound but the retry budget. */
const UNBOUNDED = {
  maxConnections: 65_536,
  maxPendingRequests: 65_536,
  maxRequests: 65_536,
  maxRetries: undefined,
};
const RUNNABLE = new Set(["slow", "errors"]);

export interface LoopbackRun {
  readonly recording: Recording;
  /** When this process stood still. */
  readonly stalls: StallLog;
}

/**
 * Runs a scenario of the simulator in real time with real sidecars, sockets and HTTP servers, all on loopback in this process,
 * and records it as the simulator would. The requests, their costs and their sidecars are those of the simulated run with this
 * seed. Scenarios may have one rate, and faults that slow down or fail; others throw.
 */
export async function runOnLoopback(
  scenario: Scenario,
  policy: ResolvedPolicy,
  seed: number,
): Promise<LoopbackRun> {
  if (scenario.rates.length > 1) throw new Error(`${scenario.name}: the rig runs scenarios of one rate`);
  const other = scenario.faults.find(({ effect }) => !RUNNABLE.has(effect.kind));
  if (other) throw new Error(`${scenario.name}: the rig has no fault "${other.effect.kind}"`);
  const recording = new Recording(scenario, policy.kind, seed);
  const failures = streamOf(seed, STREAM.failures);
  const backends = scenario.endpoints.map((shape) => new VirtualBackend(shape, failures));
  const ports = await Promise.all(backends.map((backend) => backend.listen()));
  const beginning = performance.now() + LEAD_MS;
  const endpoints = new Map(ports.map((port, index) => [`127.0.0.1:${port}`, index]));
  const recorder = new TryRecorder(recording, endpoints, beginning);
  const proxies: SidecarProxy[] = [];
  for (let index = 0; index < scenario.clients; index++) {
    const proxy = createProxy({
      clock: systemClock,
      random: streamOf(seed, STREAM.clients + index),
      logger: pino({ level: "silent" }),
      recorder,
      defaultPolicy: policy,
    });
    proxies.push(proxy);
    await proxy.apply(configurationFor(scenario, ports));
  }
  const load = new OpenLoop(
    scenario,
    seed,
    proxies.map((proxy) => proxy.listeners()[0]!.bound!.port),
    recording,
    beginning,
  );
  const stalls = new StallLog(beginning);
  const stopFaults = runFaults(scenario, backends, seed, beginning);
  try {
    await load.run();
  } finally {
    stopFaults();
    stalls.stop();
    for (const proxy of proxies) proxy.close();
    for (const backend of backends) backend.close();
  }
  return { recording, stalls };
}

/**
 * What the way there and back takes here without any work, timers included: half of the median, in ms. It is the network latency
 * that a simulated run must have to be compared with a real one. NaN: the machine was too busy to say.
 */
export async function networkLatency(
  scenario: Scenario,
  policy: ResolvedPolicy,
  seed: number,
): Promise<number> {
  const idle: Scenario = {
    ...scenario,
    durationMs: CALIBRATION_MS,
    cost: { kind: "exponential", meanMs: 0 },
    faults: [],
  };
  const { recording, stalls } = await runOnLoopback(idle, policy, seed);
  const { startedAt, latency, requests } = recording;
  const calm = latency
    .subarray(0, requests)
    .filter((ms, i) => !Number.isNaN(ms) && !stalls.touches(startedAt[i]!));
  return quantile(calm.sort(), 0.5) / 2;
}

function configurationFor(scenario: Scenario, ports: readonly number[]): Configuration {
  const { timeoutMs, retry } = scenario;
  const action = forward("backends", {
    timeoutMs: retry?.deadlineMs ?? timeoutMs,
    retryPolicy: retry && { ...RETRY, numRetries: retry.tries - 1, perTryTimeoutMs: timeoutMs },
  });
  const thresholds = {
    ...UNBOUNDED,
    retryBudget: { percent: retry?.budgetPercent ?? 0, minConcurrency: MIN_RETRIES },
  };
  const one = cluster("backends", ports, {
    balancing: { kind: "default" },
    circuitBreakers: { default: thresholds, high: thresholds },
  });
  return configurationOf({ clusters: [one], table: routeTable(virtualHost("backends", route(action))) });
}

/** The simulator's fault schedule on the real clock. Returns what stops it. */
function runFaults(
  scenario: Scenario,
  backends: readonly VirtualBackend[],
  seed: number,
  beginning: number,
): () => void {
  const queue = new EventQueue();
  const schedule = new FaultSchedule(scenario, queue, 0, streamOf(seed, STREAM.faults));
  let timer: NodeJS.Timeout | undefined;
  const next = (): void => {
    if (!queue.next()) return;
    const { at, a: process } = queue;
    timer = setTimeout(
      () => {
        const endpoint = schedule.advance(process, at);
        backends[endpoint]!.change((server) => schedule.apply(endpoint, server));
        next();
      },
      Math.max(0, beginning + at - performance.now()),
    );
  };
  next();
  return () => clearTimeout(timer);
}
