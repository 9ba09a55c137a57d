import type { Random } from "../../xds/common/random.ts";
import type { Fraction } from "../../xds/model/matcher.ts";
import type { FaultPolicy } from "../../xds/model/route-table.ts";
import type { RequestHead } from "../codec/head.ts";
import { fieldValue } from "../codec/head.ts";
import { drawn, matchesHeader } from "../routing/index.ts";

/** What is to be done to one request. */
export interface Fault {
  /** 0: no delay. */
  readonly delayMs: number;
  /** HTTP status of the made-up answer; 0: none. */
  readonly status: number;
  /** gRPC status of it; undefined: derived from `status`. */
  readonly grpcStatus: number | undefined;
}

/** No caller holds a request by a header for longer than this. */
const MAX_DELAY_MS = 600_000;

/** Draws whether a request meets a fault (Envoy's fault filter); undefined: it does not. */
export function drawFault(
  policy: FaultPolicy,
  head: RequestHead,
  cluster: string,
  active: number,
  random: Random,
): Fault | undefined {
  if (policy.upstreamCluster !== "" && policy.upstreamCluster !== cluster) return undefined;
  if (active >= policy.maxActiveFaults) return undefined;
  if (!policy.headers.every((match) => matchesHeader(match, head))) return undefined;
  const delayMs = drawDelay(policy.delay, head, random);
  const abort = drawAbort(policy.abort, head, random);
  if (delayMs === 0 && abort === undefined) return undefined;
  return { delayMs, status: abort?.status ?? 0, grpcStatus: abort?.grpcStatus };
}

function drawDelay(delay: FaultPolicy["delay"], head: RequestHead, random: Random): number {
  if (!delay) return 0;
  const ms =
    delay.ms === "from_header" ? fromHeader(head, "x-envoy-fault-delay-request", MAX_DELAY_MS) : delay.ms;
  if (ms === 0) return 0;
  return drawn(lowered(delay.fraction, head, "x-envoy-fault-delay-request-percentage"), random) ? ms : 0;
}

function drawAbort(
  abort: FaultPolicy["abort"],
  head: RequestHead,
  random: Random,
): { status: number; grpcStatus: number | undefined } | undefined {
  if (!abort) return undefined;
  let { status, grpcStatus } = { status: 0, grpcStatus: abort.grpcStatus };
  if (abort.status === "from_header") {
    status = fromHeader(head, "x-envoy-fault-abort-request", 599);
    const grpc = fieldValue(head.fields, "x-envoy-fault-abort-grpc-request");
    if (grpc !== undefined) grpcStatus = fromHeader(head, "x-envoy-fault-abort-grpc-request", 16);
  } else status = abort.status;
  if (status < 200 && grpcStatus === undefined) return undefined;
  const fraction = lowered(abort.fraction, head, "x-envoy-fault-abort-request-percentage");
  return drawn(fraction, random) ? { status: Math.max(status, 200), grpcStatus } : undefined;
}

/** A decimal number up to `most`; 0: absent or unreadable. */
function fromHeader(head: RequestHead, name: string, most: number): number {
  const value = Number(fieldValue(head.fields, name) ?? 0);
  return Number.isInteger(value) && value >= 0 && value <= most ? value : 0;
}

/** A caller may ask for a smaller part than configured, never for a larger. */
function lowered(fraction: Fraction, head: RequestHead, name: string): Fraction {
  const value = fieldValue(head.fields, name);
  if (value === undefined) return fraction;
  const asked = Number(value);
  if (!Number.isInteger(asked) || asked < 0) return fraction;
  return { ...fraction, numerator: Math.min(asked, fraction.numerator) };
}
