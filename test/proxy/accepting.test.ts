import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { RequestHead } from "../../sidecar/codec/head.ts";
import { fieldValue } from "../../sidecar/codec/head.ts";
import { acceptRequest } from "../../sidecar/proxy/accept-request.ts";
import type { ExchangeRecord } from "../../sidecar/proxy/exchange-record.ts";
import { originAddress } from "../../sidecar/proxy/origin-address.ts";
import { type ViaHops, viaHops } from "../../sidecar/proxy/request-fields.ts";
import { ERRORS } from "../../xds/common/errors.ts";
import type { HttpFilter } from "../../xds/model/listener.ts";
import { HTTP_FILTER } from "../support/proxy-bed.ts";

const TRACE = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceState: "" };

/** A request as it came from `peer`. */
function received(fields: readonly string[], peer = "10.0.0.9:4000", target = "/"): ExchangeRecord {
  const head: Partial<RequestHead> = {
    method: "GET",
    target,
    authority: "orders",
    scheme: "http",
    version: 1,
    fields: [...fields],
  };
  return {
    head,
    context: { viaName: "dashpot-1", recorder: { begin: () => ({ ...TRACE }) } },
    remoteAddress: peer,
    requestId: "",
    internal: peer.startsWith("10."),
  } as unknown as ExchangeRecord;
}

/** What a listener with these changes goes by. */
function routes(changes: Partial<HttpFilter> = {}): { filter: HttpFilter; via: ViaHops } {
  const filter = { ...HTTP_FILTER, ...changes };
  return { filter, via: viaHops(filter, "dashpot-1") };
}

/** What the `head` phase makes of a request that goes on. */
function accepted(fields: readonly string[], changes: Partial<HttpFilter>, peer?: string): ExchangeRecord {
  const record = received(fields, peer);
  assert.equal(acceptRequest(record, routes(changes)), undefined);
  return record;
}

const XFF = ["X-Forwarded-For", "198.51.100.1, 203.0.113.7", "x-forwarded-for", "10.1.1.1"];

suite("accepting", () => {
  test("trusted hops say where a request came from; at the edge the peer is the last of them", () => {
    const origin = (xffTrustedHops: number, useRemoteAddress: boolean, fields = XFF): string | undefined =>
      originAddress(fields, { ...HTTP_FILTER, xffTrustedHops, useRemoteAddress });
    assert.equal(origin(1, true), "10.1.1.1:0");
    assert.equal(origin(2, true), "203.0.113.7:0");
    assert.equal(origin(1, false), "203.0.113.7:0");
    assert.equal(origin(2, false), "198.51.100.1:0");
    assert.equal(origin(1, true, ["x-forwarded-for", "2001:db8::1"]), "[2001:db8::1]:0");
    // Too short a list, or no address: the peer counts.
    assert.equal(origin(3, false), undefined);
    assert.equal(origin(1, true, ["x-forwarded-for", "unknown"]), undefined);
    assert.equal(origin(1, true, []), undefined);
  });

  test("who came from outside through trusted hops is no internal caller, and the peer is still added to the list", () => {
    const record = accepted(XFF, { xffTrustedHops: 2, useRemoteAddress: true });
    assert.equal(record.remoteAddress, "203.0.113.7:0");
    assert.equal(record.internal, false);
    assert.equal(record.head.fields[3], "10.1.1.1,10.0.0.9");
  });

  test("without trusted hops a list that anyone may have written is not believed", () => {
    const record = accepted(XFF, { useRemoteAddress: true });
    assert.equal(record.remoteAddress, "10.0.0.9:4000");
    // It speaks for others, so it may not choose timeouts for them either.
    assert.equal(record.internal, false);
  });

  test("at the edge those behind are told who asks, and nobody else may tell them", () => {
    const claims = [
      "x-envoy-internal",
      "true",
      "x-envoy-external-address",
      "192.0.2.1",
      "x-envoy-original-path",
      "/lie",
      "x-forwarded-proto",
      "https",
    ];
    const named = (fields: readonly string[]): string[] =>
      fields.filter((_, i) => i % 2 === 0 && /^x-(envoy|forwarded-proto)/.test(fields[i] ?? ""));
    const stranger = accepted([...claims, ...XFF], { useRemoteAddress: true, xffTrustedHops: 0 }).head;
    assert.deepEqual(named(stranger.fields), ["x-envoy-external-address", "x-forwarded-proto"]);
    assert.equal(stranger.fields[1], "10.0.0.9");
    assert.equal(stranger.fields[3], "http");
    assert.equal(stranger.scheme, "http");
    const colleague = accepted([], { useRemoteAddress: true }).head;
    assert.deepEqual(named(colleague.fields), ["x-forwarded-proto", "x-envoy-internal"]);
    // Where there is no edge, the field of the proxy before says what the caller used.
    const inside = accepted(claims, {}).head;
    assert.ok(!inside.fields.includes("x-envoy-internal"));
    assert.equal(inside.scheme, "https");
    assert.equal(accepted(["x-forwarded-proto", "gopher"], {}).head.scheme, "http");
  });

  test("a request id from outside the network is replaced at the edge, unless it is to be kept", () => {
    const given = ["X-Request-Id", "stranger", "x-request-id", "stranger too"];
    const edge = { generateRequestId: true, useRemoteAddress: true };
    const idOf = (changes: Partial<HttpFilter>, peer: string): string | undefined => {
      const record = accepted(given, changes, peer);
      assert.equal(record.requestId, fieldValue(record.head.fields, "x-request-id"));
      return record.requestId;
    };
    assert.match(idOf(edge, "203.0.113.7:1") ?? "", /^0af76519-/);
    assert.doesNotMatch(accepted(given, edge, "203.0.113.7:1").head.fields.join(), /stranger/);
    assert.equal(idOf({ ...edge, preserveExternalRequestId: true }, "203.0.113.7:1"), "stranger");
    assert.equal(idOf({ ...edge, useRemoteAddress: false }, "203.0.113.7:1"), "stranger");
    assert.equal(idOf(edge, "10.0.0.9:1"), "stranger");
  });

  test("a request whose Via names this process is refused as a loop, in whichever line it does", () => {
    const before = ["via", "1.1 a, 1.1 dashpot-1", "X", "dashpot-1", "Via", "1.1 b"];
    const refused = acceptRequest(received(before), routes());
    assert.ok(refused && "kind" in refused && refused.kind === ERRORS.forwardingLoop);
    accepted(["Via", "1.1 b", "X", "dashpot-1"], {});
  });

  test("a redirect to the path's one spelling never names another host", () => {
    const record = received([], undefined, "/%2fother.test/");
    const reply = acceptRequest(record, routes({ escapedSlashes: "unescape_and_redirect" }));
    assert.ok(reply && "head" in reply);
    assert.equal(fieldValue(reply.head.fields, "location"), "/.//other.test/");
  });

  test("a configured via stands for this hop, with the name by which a loop is noticed", () => {
    assert.equal(fieldValue(accepted([], {}).head.fields, "via"), "1.1 dashpot-1");
    assert.equal(
      fieldValue(accepted(["Via", "1.0 a"], { via: "2 edge" }).head.fields, "via"),
      "1.0 a, 2 edge (dashpot-1)",
    );
  });
});
