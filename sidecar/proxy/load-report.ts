import { fromBinary } from "@bufbuild/protobuf";
import { OrcaLoadReportSchema } from "../../xds/proto/gen/xds/data/orca/v3/orca_load_report_pb.js";
import type { LoadReport } from "../balancing/balancer.ts";
import type { FieldLines } from "../codec/head.ts";

/** A report larger than this is passed over: it comes with every response. */
const MAX_REPORT_LENGTH = 4_096;
const MAX_METRICS = 64;

/** `endpoint-load-metrics` and its binary twin, told apart from nearly all fields by their length. */
const TEXT_NAME = "endpoint-load-metrics";
const BINARY_NAME = "endpoint-load-metrics-bin";

/**
 * Reads a backend's ORCA report and takes it out of `fields`: it is meant for this hop. Of several the first that can be read counts.
 * Undefined: there is none. What is no finite number of at least 0 counts as not reported.
 */
export function takeLoadReport(fields: FieldLines): LoadReport | undefined {
  let report: LoadReport | undefined;
  for (let i = 0; i < fields.length; ) {
    const name = fields[i] as string;
    const lowerName =
      name.length === TEXT_NAME.length || name.length === BINARY_NAME.length ? name.toLowerCase() : "";
    if (lowerName !== TEXT_NAME && lowerName !== BINARY_NAME) {
      i += 2;
      continue;
    }
    const [, value] = fields.splice(i, 2) as [string, string];
    report ??= readReport(value, lowerName === BINARY_NAME);
  }
  return report;
}

function readReport(value: string, binary: boolean): LoadReport | undefined {
  if (value.length > MAX_REPORT_LENGTH) return undefined;
  try {
    return parse(value, binary);
  } catch {
    return undefined;
  }
}

type Metrics = Map<string, number>;

/** Formats of the header by gRFC A51 and Envoy: `TEXT a=1,b=2`, `JSON {...}`, `BIN base64`, or base64 alone in the `-bin` field. */
function parse(value: string, binary: boolean): LoadReport | undefined {
  if (binary) return fromProto(Buffer.from(value, "base64"));
  const space = value.indexOf(" ");
  const format = space < 0 ? "" : value.slice(0, space);
  const rest = value.slice(space + 1);
  if (format === "BIN") return fromProto(Buffer.from(rest, "base64"));
  if (format === "TEXT") return fromMetrics(textMetrics(rest));
  if (format === "JSON") return fromMetrics(jsonMetrics(JSON.parse(rest)));
  return undefined;
}

function textMetrics(text: string): Metrics {
  const metrics: Metrics = new Map();
  for (const pair of text.split(",", MAX_METRICS)) {
    const equals = pair.indexOf("=");
    const number = pair.slice(equals + 1).trim();
    if (equals > 0 && number !== "") metrics.set(pair.slice(0, equals).trim(), Number(number));
  }
  return metrics;
}

/** Protobuf's JSON has two spellings of every name (ProtoJSON). */
const JSON_NAMES: ReadonlyMap<string, string> = new Map([
  ["cpuUtilization", "cpu_utilization"],
  ["applicationUtilization", "application_utilization"],
  ["rpsFractional", "rps_fractional"],
]);

function jsonMetrics(json: unknown): Metrics {
  const metrics: Metrics = new Map();
  if (typeof json !== "object" || json === null) return metrics;
  for (const [name, value] of Object.entries(json).slice(0, MAX_METRICS)) {
    if (typeof value === "number") metrics.set(JSON_NAMES.get(name) ?? name, value);
    else if ((name === "named_metrics" || name === "namedMetrics") && typeof value === "object" && value) {
      for (const [inner, number] of Object.entries(value).slice(0, MAX_METRICS)) {
        if (typeof number === "number") metrics.set(`named_metrics.${inner}`, number);
      }
    }
  }
  return metrics;
}

function fromMetrics(metrics: Metrics): LoadReport {
  const named = new Map<string, number>();
  for (const [name, value] of metrics) {
    if (name.startsWith(NAMED) && isMeasure(value)) named.set(name.slice(NAMED.length), value);
  }
  return {
    // A plain `rif` or `cores` is taken too: the name space is the backend's own.
    rif: measure(named.get("rif") ?? metrics.get("rif")),
    cores: measure(named.get("cores") ?? metrics.get("cores")),
    cpuUtilization: measure(metrics.get("cpu_utilization")),
    applicationUtilization: measure(metrics.get("application_utilization")),
    rps: measure(metrics.get("rps_fractional") ?? metrics.get("rps")),
    eps: measure(metrics.get("eps")),
    named,
  };
}

const NAMED = "named_metrics.";

function isMeasure(value: number): boolean {
  return value >= 0 && value < Number.POSITIVE_INFINITY;
}

function measure(value: number | undefined): number {
  return value !== undefined && isMeasure(value) ? value : Number.NaN;
}

/** 0 is how a number that was not set looks in protobuf. */
function setMeasure(value: number): number {
  return value === 0 ? Number.NaN : measure(value);
}

function fromProto(bytes: Uint8Array): LoadReport {
  const report = fromBinary(OrcaLoadReportSchema, bytes);
  const named = new Map(
    Object.entries(report.namedMetrics)
      .slice(0, MAX_METRICS)
      .filter(([, value]) => isMeasure(value)),
  );
  return {
    rif: measure(named.get("rif")),
    cores: measure(named.get("cores")),
    cpuUtilization: setMeasure(report.cpuUtilization),
    applicationUtilization: setMeasure(report.applicationUtilization),
    rps: setMeasure(report.rpsFractional),
    eps: setMeasure(report.eps),
    named,
  };
}
