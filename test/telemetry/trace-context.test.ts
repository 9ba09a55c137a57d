import assert from "node:assert/strict";
import { test } from "node:test";
import { boundTraceState, parseTraceparent } from "../../sidecar/telemetry/trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

const VALID: readonly (readonly [why: string, value: string, sampled: boolean])[] = [
  ["sampled", `00-${TRACE}-${SPAN}-01`, true],
  ["not sampled", `00-${TRACE}-${SPAN}-00`, false],
  ["random flag of level 2", `00-${TRACE}-${SPAN}-03`, true],
  ["random flag alone", `00-${TRACE}-${SPAN}-02`, false],
  ["a later version", `01-${TRACE}-${SPAN}-01`, true],
  ["a later version with more", `cc-${TRACE}-${SPAN}-01-what-the-future-brings`, true],
];

for (const [why, value, sampled] of VALID) {
  test(`traceparent is taken: ${why}`, () => {
    assert.deepEqual(parseTraceparent(value), { traceId: TRACE, spanId: SPAN, sampled });
  });
}

const VOID: readonly (readonly [why: string, value: string])[] = [
  ["empty", ""],
  ["too short", `00-${TRACE}-${SPAN}-0`],
  ["version 00 with more", `00-${TRACE}-${SPAN}-01-more`],
  ["a later version that goes on without a dash", `01-${TRACE}-${SPAN}-01.more`],
  ["version ff", `ff-${TRACE}-${SPAN}-01`],
  ["upper case", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["a span id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["no hex", `00-${TRACE.replace("4", "g")}-${SPAN}-01`],
  ["a dash out of place", `00_${TRACE}-${SPAN}-01`],
  ["two fields joined", `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`],
];

for (const [why, value] of VOID) {
  test(`traceparent is void: ${why}`, () => {
    assert.equal(parseTraceparent(value), undefined);
  });
}

test("tracestate within the bounds is passed on byte for byte", () => {
  const value = "rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE,,vendor@tenant=x";
  assert.equal(boundTraceState(value), value);
});

test("tracestate over its bounds loses long members first, then the oldest", () => {
  const long = `long=${"x".repeat(200)}`;
  const short = Array.from({ length: 20 }, (_, i) => `k${i}=${"v".repeat(20)}`);
  const bounded = boundTraceState(["first=1", long, ...short].join(","));
  assert.ok(bounded.length <= 512);
  assert.ok(bounded.startsWith("first=1,k0="));
  assert.ok(!bounded.includes("long="));
});

test("tracestate keeps at most 32 members", () => {
  const bounded = boundTraceState(Array.from({ length: 40 }, (_, i) => `k${i}=v`).join(","));
  assert.equal(bounded.split(",").length, 32);
});
