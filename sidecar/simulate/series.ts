import { latenciesIn, quantile } from "./latencies.ts";
import { type Recording, SAMPLE_MS } from "./recording.ts";
import { watchedFault } from "./scenario.ts";
import { shareOf } from "./shares.ts";

/** A quantity of a group of endpoints over time, a value per step: the mean, and the least and most of any of them. NaN: nothing known. */
export interface Band {
  readonly group: number;
  readonly least: readonly number[];
  readonly mean: readonly number[];
  readonly most: readonly number[];
}

/** Endpoints that a person tells apart: the faulty ones, and those of each shape. */
export interface EndpointGroup {
  readonly label: string;
  readonly faulty: boolean;
  readonly endpoints: readonly number[];
}

export const STEP_MS = 1_000;
const FAULTY = "faulty";

export function endpointGroups({ scenario }: Recording): EndpointGroup[] {
  const faulty = watchedFault(scenario)?.endpoints ?? [];
  const shapes = new Set(scenario.endpoints.map((shape) => `${shape.speed} ${shape.zone} ${shape.priority}`));
  const groups = new Map<string, number[]>();
  for (const [index, shape] of scenario.endpoints.entries()) {
    const zone = shape.zone === "" ? "" : `, zone ${shape.zone}`;
    const priority = shape.priority === 0 ? "" : `, priority ${shape.priority}`;
    const healthy = shapes.size === 1 ? "healthy" : `speed ${shape.speed}${zone}${priority}`;
    const label = faulty.includes(index) ? FAULTY : healthy;
    const group = groups.get(label);
    if (group) group.push(index);
    else groups.set(label, [index]);
  }
  return [...groups].map(([label, endpoints]) => ({ label, faulty: label === FAULTY, endpoints }));
}

/** Part of all tries that an endpoint got, in percent, by second. */
export function shares(recording: Recording, groups: readonly EndpointGroup[]): Band[] {
  return bands(groups, (endpoint) =>
    steps(recording, (from, to) => 100 * shareOf(recording, from, to, [endpoint])),
  );
}

export function weights(recording: Recording, groups: readonly EndpointGroup[]): Band[] {
  return bands(groups, (endpoint) => sampled(recording, recording.weights, endpoint));
}

export function queues(recording: Recording, groups: readonly EndpointGroup[]): Band[] {
  return bands(groups, (endpoint) => sampled(recording, recording.queues, endpoint));
}

/** p99 of the answers to requests of each second, ms. */
export function latency(recording: Recording): Band[] {
  return line(steps(recording, (from, to) => quantile(latenciesIn(recording, from, to).latencies, 0.99)));
}

/** Requests of each second that got no good answer, in percent. */
export function failures(recording: Recording): Band[] {
  return line(
    steps(recording, (from, to) => {
      const { latencies, requests } = latenciesIn(recording, from, to);
      return requests === 0 ? Number.NaN : 100 * (1 - latencies.length / requests);
    }),
  );
}

/** Of no group of endpoints: of all requests. */
export const ALL = -1;

function line(values: readonly number[]): Band[] {
  return [{ group: ALL, least: values, mean: values, most: values }];
}

function bands(groups: readonly EndpointGroup[], values: (endpoint: number) => readonly number[]): Band[] {
  return groups.map(({ endpoints }, group) => {
    const each = endpoints.map(values);
    const at = (step: number): number[] => each.map((of) => of[step]!);
    const count = each[0]?.length ?? 0;
    const over = (summary: (values: number[]) => number): number[] =>
      Array.from({ length: count }, (_, step) => summary(at(step)));
    return {
      group,
      least: over((all) => Math.min(...all)),
      mean: over((all) => all.reduce((sum, value) => sum + value, 0) / all.length),
      most: over((all) => Math.max(...all)),
    };
  });
}

function steps({ scenario }: Recording, value: (fromMs: number, toMs: number) => number): number[] {
  const count = Math.floor(scenario.durationMs / STEP_MS);
  return Array.from({ length: count }, (_, step) => value(step * STEP_MS, (step + 1) * STEP_MS));
}

/** Means over each second. */
function sampled({ scenario }: Recording, samples: Float64Array, endpoint: number): number[] {
  const width = scenario.endpoints.length;
  const each = STEP_MS / SAMPLE_MS;
  const count = Math.floor(scenario.durationMs / STEP_MS);
  return Array.from({ length: count }, (_, step) => {
    let sum = 0;
    for (let i = 0; i < each; i++) sum += samples[(step * each + i) * width + endpoint]!;
    return sum / each;
  });
}
