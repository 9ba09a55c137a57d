import { latenciesIn, quantile, shareOf } from "./measure.ts";
import { type Recording, SAMPLE_MS } from "./recording.ts";
import { watchedFault } from "./scenario.ts";

/** One line of a chart: a value per step; NaN: nothing known. */
export interface Line {
  readonly group: number;
  readonly values: readonly number[];
}

/** Endpoints that a person tells apart: the faulty ones, and those of each shape. */
export interface EndpointGroup {
  readonly label: string;
  readonly endpoints: readonly number[];
}

export const STEP_MS = 1_000;

export function endpointGroups({ scenario }: Recording): EndpointGroup[] {
  const faulty = watchedFault(scenario)?.endpoints ?? [];
  const groups = new Map<string, number[]>();
  for (const [index, shape] of scenario.endpoints.entries()) {
    const zone = shape.zone === "" ? "" : `, zone ${shape.zone}`;
    const label = faulty.includes(index) ? "with the fault" : `speed ${shape.speed}${zone}`;
    const group = groups.get(label);
    if (group) group.push(index);
    else groups.set(label, [index]);
  }
  return [...groups].map(([label, endpoints]) => ({ label, endpoints }));
}

/** Part of all tries that each endpoint got, in percent, by second. */
export function shareLines(recording: Recording, groups: readonly EndpointGroup[]): Line[] {
  return perEndpoint(groups, (endpoint) =>
    steps(recording, (from, to) => 100 * shareOf(recording, from, to, [endpoint])),
  );
}

export function weightLines(recording: Recording, groups: readonly EndpointGroup[]): Line[] {
  return perEndpoint(groups, (endpoint) => sampled(recording, recording.weights, endpoint));
}

export function queueLines(recording: Recording, groups: readonly EndpointGroup[]): Line[] {
  return perEndpoint(groups, (endpoint) => sampled(recording, recording.queues, endpoint));
}

/** p99 of the answers to requests of each second, ms. */
export function latencyLine(recording: Recording): Line {
  const values = steps(recording, (from, to) => quantile(latenciesIn(recording, from, to).latencies, 0.99));
  return { group: 0, values };
}

function perEndpoint(
  groups: readonly EndpointGroup[],
  values: (endpoint: number) => readonly number[],
): Line[] {
  return groups.flatMap(({ endpoints }, group) =>
    endpoints.map((endpoint) => ({ group, values: values(endpoint) })),
  );
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
