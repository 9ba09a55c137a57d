import type { Environment } from "../../xds/common/environment.ts";
import { didYouMean } from "../../xds/common/nearest-name.ts";
import type { SamplerOptions } from "./sampler.ts";

/** Where spans go. */
export interface OtlpTarget {
  readonly url: string;
  /** Secrets: never logged, never shown. */
  readonly headers: Readonly<Record<string, string>>;
  /** For one batch with its retries, ms. */
  readonly timeoutMs: number;
  readonly gzip: boolean;
  /** PEM files; empty: none. */
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface BatchOptions {
  readonly delayMs: number;
  /** Spans that wait; one more is dropped and counted. */
  readonly maxQueueSize: number;
  readonly maxBatchSize: number;
  readonly exportTimeoutMs: number;
}

/** One setting in force, for people. */
export interface EffectiveValue {
  readonly name: string;
  readonly value: string;
  /** The variable that set it, or `default`. */
  readonly origin: string;
}

export interface OtelSettings {
  /** Undefined: spans are not exported. */
  readonly otlp: OtlpTarget | undefined;
  readonly batch: BatchOptions;
  readonly sampler: SamplerOptions;
  readonly resource: ReadonlyMap<string, string>;
  /** What was set and cannot be followed, each a whole sentence. */
  readonly warnings: readonly string[];
  readonly effective: readonly EffectiveValue[];
}

export interface OtelDefaults {
  /** `service.name` where nobody names one. */
  readonly serviceName: string;
  /** The sidecar's own `trace_sample_ratio`. */
  readonly sampleRatio: number;
}

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

/** Variables of the specification that need no action: what they choose is so already, or concerns what is not exported. */
const NEEDLESS = [
  "OTEL_SEMCONV_STABILITY_OPT_IN",
  "OTEL_LOGS_EXPORTER",
  "OTEL_METRIC_EXPORT_INTERVAL",
  "OTEL_METRIC_EXPORT_TIMEOUT",
  "OTEL_EXPORTER_OTLP_INSECURE",
  "OTEL_EXPORTER_OTLP_TRACES_INSECURE",
  "OTEL_NODE_RESOURCE_DETECTORS",
];

/** Variables that people set for a reason and that do not have their effect here, with what to do instead. */
const WITHOUT_EFFECT: ReadonlyMap<string, string> = new Map([
  ["OTEL_LOG_LEVEL", "has no effect; log_level sets the level of everything"],
  ["OTEL_CONFIG_FILE", "declarative configuration is not supported; use the single variables"],
  ["OTEL_EXPERIMENTAL_CONFIG_FILE", "declarative configuration is not supported; use the single variables"],
  ["OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "has no effect; the methods of the convention are known"],
  ...[
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
  ].map(
    (name) =>
      [
        name,
        "has no effect; spans have at most 40 attributes of bounded length, no events, no links",
      ] as const,
  ),
]);

const DEFAULT_ENDPOINT = "http://localhost:4318";

/**
 * Reads the `OTEL_*` variables of the OpenTelemetry specification. A value that cannot be followed makes a warning and leaves the default:
 * telemetry never keeps the data path from starting. Spans are exported as soon as an endpoint or the `otlp` exporter is named.
 */
export function readOtelEnvironment(env: Environment, defaults: OtelDefaults): OtelSettings {
  const reader = new Reader(env);
  const sampler = readSampler(reader, defaults);
  const resource = readResource(reader, defaults);
  const otlp = readTarget(reader);
  const batch = readBatch(reader);
  readPropagators(reader);
  readMetricsExporter(reader);
  reader.warnUnknown();
  return { otlp, batch, sampler, resource, warnings: reader.warnings, effective: reader.effective };
}

function readSampler(reader: Reader, defaults: OtelDefaults): SamplerOptions {
  const name = reader.choice("OTEL_TRACES_SAMPLER", SAMPLERS, "parentbased_traceidratio");
  const parentBased = name.startsWith("parentbased_");
  const byRatio = name.endsWith("traceidratio");
  // The specification's default for a ratio sampler that is named without an argument is 1.
  const fallback = reader.has("OTEL_TRACES_SAMPLER") && byRatio ? 1 : defaults.sampleRatio;
  const ratio = reader.number("OTEL_TRACES_SAMPLER_ARG", { min: 0, max: 1 }, fallback);
  if (byRatio) return { ratio, parentBased };
  return { ratio: name.endsWith("always_on") ? 1 : 0, parentBased };
}

function readResource(reader: Reader, defaults: OtelDefaults): Map<string, string> {
  const attributes = new Map<string, string>();
  const text = reader.text("OTEL_RESOURCE_ATTRIBUTES", "");
  for (const pair of text.split(",").filter((part) => part.trim() !== "")) {
    const equals = pair.indexOf("=");
    const key = pair.slice(0, Math.max(0, equals)).trim();
    const value = percentDecoded(pair.slice(equals + 1).trim());
    if (key !== "" && value !== undefined) attributes.set(key, value);
    else reader.warn("OTEL_RESOURCE_ATTRIBUTES", `"${pair.slice(0, 64)}" is not key=value and is left out`);
  }
  const named = reader.text("OTEL_SERVICE_NAME", attributes.get("service.name") ?? defaults.serviceName);
  attributes.set("service.name", named);
  return attributes;
}

function readTarget(reader: Reader): OtlpTarget | undefined {
  const disabled = reader.flag("OTEL_SDK_DISABLED", false);
  const named = reader.signalHas("ENDPOINT");
  const exporter = reader.choice("OTEL_TRACES_EXPORTER", ["otlp", "none"], named ? "otlp" : "none");
  const protocol = reader.signalText("PROTOCOL", "http/protobuf");
  if (protocol !== "http/protobuf") {
    reader.warn("OTEL_EXPORTER_OTLP_PROTOCOL", `"${protocol}" is not supported; http/protobuf is used`);
  }
  const url = reader.endpoint();
  const headers = reader.headers();
  const target: OtlpTarget = {
    url,
    headers,
    timeoutMs: reader.signalNumber("TIMEOUT", { min: 1, max: 600_000 }, 10_000),
    gzip: reader.signalChoice("COMPRESSION", ["none", "gzip"], "none") === "gzip",
    caFile: reader.signalText("CERTIFICATE", ""),
    certificateFile: reader.signalText("CLIENT_CERTIFICATE", ""),
    keyFile: reader.signalText("CLIENT_KEY", ""),
  };
  return disabled || exporter === "none" || url === "" ? undefined : target;
}

function readBatch(reader: Reader): BatchOptions {
  const maxQueueSize = reader.number("OTEL_BSP_MAX_QUEUE_SIZE", { min: 1, max: 1_000_000 }, 4_096);
  const maxBatchSize = reader.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", { min: 1, max: 65_536 }, 256);
  if (maxBatchSize > maxQueueSize) {
    reader.warn("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", `is cut to the queue's size, ${maxQueueSize}`);
  }
  return {
    delayMs: reader.number("OTEL_BSP_SCHEDULE_DELAY", { min: 0, max: 600_000 }, 1_000),
    maxQueueSize,
    maxBatchSize: Math.min(maxBatchSize, maxQueueSize),
    exportTimeoutMs: reader.number("OTEL_BSP_EXPORT_TIMEOUT", { min: 1, max: 600_000 }, 30_000),
  };
}

function readPropagators(reader: Reader): void {
  const known = ["tracecontext", "baggage", "none"];
  for (const name of reader.text("OTEL_PROPAGATORS", "tracecontext,baggage").split(",")) {
    const wanted = name.trim();
    if (wanted === "" || known.includes(wanted)) continue;
    reader.warn(
      "OTEL_PROPAGATORS",
      `"${wanted.slice(0, 64)}" is not supported and ignored; tracecontext and baggage are in force${didYouMean(wanted, known)}`,
    );
  }
}

function readMetricsExporter(reader: Reader): void {
  const exporter = reader.text("OTEL_METRICS_EXPORTER", "prometheus");
  if (exporter === "prometheus" || exporter === "none") return;
  reader.warn(
    "OTEL_METRICS_EXPORTER",
    "metrics are not exported; have /stats/prometheus of the admin scraped",
  );
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

const GENERAL = "OTEL_EXPORTER_OTLP_";
const SIGNAL = "OTEL_EXPORTER_OTLP_TRACES_";

/** Reads variables one by one and keeps what it read, from where, and what it had to complain about. */
class Reader {
  readonly warnings: string[] = [];
  readonly effective: EffectiveValue[] = [];
  readonly #env: Environment;
  readonly #asked = new Set<string>(NEEDLESS);

  constructor(env: Environment) {
    this.#env = env;
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  signalHas(rest: string): boolean {
    return this.has(SIGNAL + rest) || this.has(GENERAL + rest);
  }

  warn(name: string, complaint: string): void {
    this.warnings.push(`${name}: ${complaint}`);
  }

  text(name: string, fallback: string): string {
    return this.#took(name, this.#value(name), fallback);
  }

  number(name: string, { min, max }: Bounds, fallback: number): number {
    const text = this.#value(name);
    const value = text === undefined ? Number.NaN : Number(text);
    const good = text !== undefined && value >= min && value <= max;
    if (text !== undefined && !good) {
      this.warn(
        name,
        `must be a number from ${min} to ${max}, not "${text.slice(0, 64)}"; ${fallback} is used`,
      );
    }
    return this.#took(name, good ? value : undefined, fallback);
  }

  flag(name: string, fallback: boolean): boolean {
    const text = this.#value(name)?.toLowerCase();
    const good = text === "true" || text === "false";
    if (text !== undefined && !good)
      this.warn(name, `must be true or false, not "${text.slice(0, 64)}"; ${fallback} is used`);
    return this.#took(name, good ? text === "true" : undefined, fallback);
  }

  choice<const T extends string>(name: string, allowed: readonly T[], fallback: T): T {
    const text = this.#value(name);
    const value = allowed.find((one) => one === text?.trim());
    if (text !== undefined && value === undefined) {
      const near = didYouMean(text, allowed);
      this.warn(
        name,
        `must be one of ${allowed.join(", ")}, not "${text.slice(0, 64)}"${near}; ${fallback} is used`,
      );
    }
    return this.#took(name, value, fallback);
  }

  signalText(rest: string, fallback: string): string {
    return this.text(this.#signalName(rest), fallback);
  }

  signalNumber(rest: string, bounds: Bounds, fallback: number): number {
    return this.number(this.#signalName(rest), bounds, fallback);
  }

  signalChoice<const T extends string>(rest: string, allowed: readonly T[], fallback: T): T {
    return this.choice(this.#signalName(rest), allowed, fallback);
  }

  /** The signal's own endpoint is used as it stands; the general one gets `/v1/traces` (OTLP exporter specification). */
  endpoint(): string {
    const name = this.#signalName("ENDPOINT");
    const written = this.#value(name) ?? DEFAULT_ENDPOINT;
    const url = this.has(`${SIGNAL}ENDPOINT`) ? written : `${written.replace(/\/+$/, "")}/v1/traces`;
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    const good = parsed?.protocol === "http:" || parsed?.protocol === "https:";
    if (!good)
      this.warn(
        name,
        `must be an http:// or https:// URL, not "${written.slice(0, 64)}"; no spans are exported`,
      );
    const shown = parsed === undefined ? "" : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
    this.effective.push({ name, value: shown, origin: this.has(name) ? name : "default" });
    return good ? url : "";
  }

  headers(): Record<string, string> {
    const name = this.#signalName("HEADERS");
    const headers: [string, string][] = [];
    for (const pair of (this.#value(name) ?? "").split(",").filter((part) => part.trim() !== "")) {
      const equals = pair.indexOf("=");
      const key = pair.slice(0, Math.max(0, equals)).trim();
      const value = percentDecoded(pair.slice(equals + 1).trim());
      if (/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(key) && value !== undefined) headers.push([key, value]);
      else this.warn(name, `entry ${headers.length + 1} is not key=value and is left out`);
    }
    const shown = headers.map(([key]) => `${key}=(hidden)`).join(",");
    this.effective.push({ name, value: shown, origin: this.has(name) ? name : "default" });
    return Object.fromEntries(headers);
  }

  /** Misspelt variables do nothing, which is hard to see: they are named. */
  warnUnknown(): void {
    for (const name of Object.keys(this.#env)) {
      if (!name.startsWith("OTEL_") || this.#asked.has(name) || !this.#env[name]) continue;
      const instead = WITHOUT_EFFECT.get(name);
      if (instead !== undefined) this.warn(name, instead);
      else if (!/^OTEL_(EXPORTER_OTLP_)?(METRICS|LOGS)_/.test(name)) {
        this.warn(name.slice(0, 64), `is not known and ignored${didYouMean(name, this.#asked)}`);
      }
    }
  }

  #signalName(rest: string): string {
    this.#asked.add(GENERAL + rest);
    return this.has(SIGNAL + rest) || !this.has(GENERAL + rest) ? SIGNAL + rest : GENERAL + rest;
  }

  /** Empty counts as unset (OpenTelemetry environment variable specification). */
  #value(name: string): string | undefined {
    this.#asked.add(name);
    return this.#env[name] || undefined;
  }

  #took<T>(name: string, value: T | undefined, fallback: T): T {
    const origin = value === undefined ? "default" : name;
    this.effective.push({ name, value: String(value ?? fallback), origin });
    return value ?? fallback;
  }
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
