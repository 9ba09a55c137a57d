import { DURATION_BOUNDS_S, type DurationHistogram } from "./histogram.ts";

export type StatType = "counter" | "gauge" | "histogram";
export type Labels = readonly (readonly [name: string, value: string])[];

interface Sample {
  /** `_bucket`, `_sum` and `_count` of histograms. */
  readonly suffix: string;
  /** What filters see of it: of a histogram its count, so that it is shown whole or not at all. */
  readonly stat: Stat;
  readonly labels: Labels;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: StatType;
  readonly samples: Sample[];
}

/** One statistic under its dotted name. */
export interface Stat {
  readonly name: string;
  readonly value: number;
}

/** Whether a reading shows a statistic of this dotted name and value. */
export type Wanted = (name: string, value: number) => boolean;
const everything: Wanted = () => true;

/** A thing that has statistics: `cluster.orders` in Envoy's dotted names, `envoy_cluster_...{envoy_cluster_name="orders"}` in Prometheus. */
export interface Scope {
  /** With its final dot; empty: the process. */
  readonly dotted: string;
  readonly prefix: string;
  readonly labels: Labels;
}

export const PROCESS_SCOPE: Scope = { dotted: "server.", prefix: "envoy_server_", labels: [] };
export const DASHPOT_SCOPE: Scope = { dotted: "dashpot.", prefix: "dashpot_", labels: [] };

export function clusterScope(name: string): Scope {
  return { dotted: `cluster.${name}.`, prefix: "envoy_cluster_", labels: [["envoy_cluster_name", name]] };
}

/** The same cluster under our own names, for what Envoy has no name for. */
export function ownClusterScope(name: string): Scope {
  return { dotted: `cluster.${name}.dashpot.`, prefix: "dashpot_", labels: [["cluster", name]] };
}

export function httpScope(prefix: string): Scope {
  return {
    dotted: `http.${prefix}.`,
    prefix: "envoy_http_",
    labels: [["envoy_http_conn_manager_prefix", prefix]],
  };
}

/** One reading of all statistics, written out as Envoy's `/stats` or in Prometheus' text format. */
export class StatSheet {
  readonly #families = new Map<string, Family>();
  readonly #dotted: Stat[] = [];

  /** @param dotted the name in `/stats`, where labels cannot be written. */
  counter(scope: Scope, name: string, value: number, labels: Labels = [], dotted = name): void {
    this.#add(scope, name, "counter", value, labels, dotted);
  }

  gauge(scope: Scope, name: string, value: number, labels: Labels = [], dotted = name): void {
    this.#add(scope, name, "gauge", value, labels, dotted);
  }

  /** Durations in seconds, under a name without scope: OpenTelemetry's. */
  histogram(name: string, histogram: DurationHistogram, labels: Labels): void {
    this.#histogram(this.#family(name, "histogram"), name, histogram, labels, 1);
  }

  /** The same in milliseconds, as Envoy has its durations; in Prometheus' format only. */
  histogramMs(scope: Scope, name: string, histogram: DurationHistogram): void {
    const family = this.#family(scope.prefix + name, "histogram");
    this.#histogram(family, scope.dotted + name, histogram, scope.labels, 1_000);
  }

  #histogram(family: Family, dotted: string, of: DurationHistogram, labels: Labels, perSecond: number): void {
    const stat = { name: oneLine(dotted), value: of.counts.reduce((a, b) => a + b, 0) };
    let cumulative = 0;
    of.counts.forEach((count, i) => {
      cumulative += count;
      const bound = DURATION_BOUNDS_S[i];
      const le = bound === undefined ? "+Inf" : String(bound * perSecond);
      const bucket = { suffix: "_bucket", stat, labels: [...labels, ["le", le] as const] };
      family.samples.push({ ...bucket, value: cumulative });
    });
    family.samples.push({ suffix: "_sum", stat, labels, value: of.sumS * perSecond });
    family.samples.push({ suffix: "_count", stat, labels, value: cumulative });
  }

  /** Counters and gauges under Envoy's names, sorted. */
  list(wanted: Wanted = everything): readonly Stat[] {
    const found = this.#dotted.filter(({ name, value }) => wanted(name, value));
    return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** The same as Envoy's `/stats`: `cluster.orders.upstream_rq_total: 12`. */
  text(wanted?: Wanted): string {
    return this.list(wanted)
      .map(({ name, value }) => `${name}: ${numberText(value)}\n`)
      .join("");
  }

  /** Prometheus' text format, version 0.0.4. */
  prometheus(wanted: Wanted = everything): string {
    const lines: string[] = [];
    for (const { name, type, samples } of this.#families.values()) {
      const found = samples.filter(({ stat }) => wanted(stat.name, stat.value));
      if (found.length === 0) continue;
      lines.push(`# TYPE ${name} ${type}`);
      for (const { suffix, labels, value } of found) {
        lines.push(`${name}${suffix}${labelText(labels)} ${numberText(value)}`);
      }
    }
    return `${lines.join("\n")}\n`;
  }

  #add(scope: Scope, name: string, type: StatType, value: number, labels: Labels, dotted: string): void {
    const family = this.#family(scope.prefix + plain(name), type);
    const stat = { name: oneLine(scope.dotted + dotted), value };
    family.samples.push({ suffix: "", stat, labels: [...scope.labels, ...labels], value });
    this.#dotted.push(stat);
  }

  #family(name: string, type: StatType): Family {
    let family = this.#families.get(name);
    if (!family) {
      family = { name, type, samples: [] };
      this.#families.set(name, family);
    }
    return family;
  }
}

/** A metric name takes letters, digits and underscores. */
function plain(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_]/g, "_");
}

function labelText(labels: Labels): string {
  if (labels.length === 0) return "";
  return `{${labels.map(([name, value]) => `${name}="${escapedLabel(value)}"`).join(",")}}`;
}

function escapedLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Names come from others; a line break in one must not make a statistic of its own. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, " ");
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
