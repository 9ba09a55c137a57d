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

/** Reads a backend's ORCA report and takes it out of `fields`: it is meant for this hop. Undefined: there is none, or it is unreadable. */
export function takeLoadReport(fields: FieldLines): LoadReport | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length !== TEXT_NAME.length && name.length !== BINARY_NAME.length) continue;
    const lowerName = name.toLowerCase();
    if (lowerName !== TEXT_NAME && lowerName !== BINARY_NAME) continue;
    const value = fields[i + 1] as string;
    fields.splice(i, 2);
    if (value.length > MAX_REPORT_LENGTH) return undefined;
    try {
      return parse(value, lowerName === BINARY_NAME);
    } catch {
      return undefined;
    }
  }
  return undefined;
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
    if (equals > 0) metrics.set(pair.slice(0, equals).trim(), Number(pair.slice(equals + 1)));
  }
  return metrics;
}

function jsonMetrics(json: unknown): Metrics {
  const metrics: Metrics = new Map();
  if (typeof json !== "object" || json === null) return metrics;
  for (const [name, value] of Object.entries(json).slice(0, MAX_METRICS)) {
    if (typeof value === "number") metrics.set(name, value);
    else if (name === "named_metrics" && typeof value === "object" && value !== null) {
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
    if (name.startsWith("named_metrics.")) named.set(name.slice("named_metrics.".length), value);
  }
  return {
    // A plain `rif` or `cores` is taken too: the name space is the backend's own.
    rif: named.get("rif") ?? metrics.get("rif") ?? Number.NaN,
    cores: named.get("cores") ?? metrics.get("cores") ?? Number.NaN,
    cpuUtilization: metrics.get("cpu_utilization") ?? Number.NaN,
    applicationUtilization: metrics.get("application_utilization") ?? Number.NaN,
    rps: metrics.get("rps_fractional") ?? metrics.get("rps") ?? Number.NaN,
    eps: metrics.get("eps") ?? Number.NaN,
    named,
  };
}

function fromProto(bytes: Uint8Array): LoadReport {
  const report = fromBinary(OrcaLoadReportSchema, bytes);
  const named = new Map(Object.entries(report.namedMetrics).slice(0, MAX_METRICS));
  return {
    rif: named.get("rif") ?? Number.NaN,
    cores: named.get("cores") ?? Number.NaN,
    cpuUtilization: report.cpuUtilization,
    applicationUtilization: report.applicationUtilization,
    rps: report.rpsFractional,
    eps: report.eps,
    named,
  };
}
