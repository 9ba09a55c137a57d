import assert from "node:assert/strict";
import test from "node:test";
import { prepareRequest } from "../../sidecar/routing/prepare-request.ts";
import type { FormatOperator, HeaderMutations } from "../../xds/model/route-table.ts";
import { add, compile, context, forward, host, NO_MUTATIONS, request, route, table } from "./tables.ts";

function mutate(mutations: HeaderMutations, fields: string[]): string[] {
  const compiled = compile(
    table([host("h", ["*"], { routes: [route("r", { requestHeaders: mutations })] })]),
  );
  const head = request({ fields });
  compiled.route(head, "")?.requestHeaders.apply(head.fields, context(head));
  return head.fields;
}

test("fields are removed by name in any case, before any is added", () => {
  const mutations = { remove: ["x-old", "x-new"], add: [add("X-New", "1")] };
  assert.deepEqual(mutate(mutations, ["X-OLD", "1", "a", "b", "x-old", "2", "x-new", "0"]), [
    "a",
    "b",
    "X-New",
    "1",
  ]);
});

test("each append action does what Envoy's enum says", () => {
  const cases = [
    ["append", ["x", "0", "x", "1"], ["x", "1"]],
    ["add_if_absent", ["x", "0"], ["x", "1"]],
    ["overwrite", ["x", "1"], ["x", "1"]],
    ["overwrite_if_present", ["x", "1"], []],
  ] as const;
  for (const [action, present, absent] of cases) {
    assert.deepEqual(mutate({ remove: [], add: [add("x", "1", action)] }, ["x", "0"]), present, action);
    assert.deepEqual(mutate({ remove: [], add: [add("x", "1", action)] }, []), absent, action);
  }
});

test("an empty value is left out unless it is to be kept", () => {
  assert.deepEqual(mutate({ remove: [], add: [add("x", "")] }, []), []);
  assert.deepEqual(mutate({ remove: [], add: [{ ...add("x", ""), keepEmpty: true }] }, []), ["x", ""]);
});

test("levels are done from the most specific to the table, which has the last word unless it gives it away", () => {
  const level = (name: string) => ({ remove: [], add: [add("who", name), add("last", name, "overwrite")] });
  const weighted = {
    cluster: "c",
    weight: 1,
    requestHeaders: level("cluster"),
    responseHeaders: level("cluster"),
    fault: undefined,
  };
  const action = forward({ cluster: { kind: "weighted", clusters: [weighted] } });
  const routes = [route("r", { action, requestHeaders: level("route"), responseHeaders: level("route") })];
  const hosts = [host("h", ["*"], { routes, requestHeaders: level("host"), responseHeaders: level("host") })];
  const order = ["cluster", "route", "host", "table"];
  for (const mostSpecificMutationsWin of [false, true]) {
    const levels = {
      requestHeaders: level("table"),
      responseHeaders: level("table"),
      mostSpecificMutationsWin,
    };
    const head = request();
    const outcome = compile(table(hosts, levels)).route(head, "");
    const done = mostSpecificMutationsWin ? order.toReversed() : order;
    const wanted = [...done.flatMap((name) => ["who", name]), "last", done.at(-1)];
    for (const mutator of [outcome?.requestHeaders, outcome?.responseHeaders]) {
      const fields: string[] = [];
      mutator?.apply(fields, context(head));
      assert.deepEqual(fields, wanted);
    }
  }
});

const OPERATORS: readonly (readonly [operator: FormatOperator, argument: string, value: string])[] = [
  ["REQ", "X-One", "1"],
  ["REQ", ":METHOD", "GET"],
  ["REQ", ":path", "/p?q"],
  ["REQ", "X-None?X-One", "1"],
  ["REQ", "x-none", ""],
  ["DOWNSTREAM_REMOTE_ADDRESS", "", "10.0.0.1:1234"],
  ["DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "", "10.0.0.1"],
  ["DOWNSTREAM_LOCAL_ADDRESS", "", "127.0.0.1:15001"],
  ["UPSTREAM_REMOTE_ADDRESS", "", "10.1.0.1:80"],
  ["UPSTREAM_CLUSTER", "", "c"],
  ["UPSTREAM_HOST", "", "u"],
  ["PROTOCOL", "", "HTTP/1.1"],
  ["HOSTNAME", "", "machine"],
  ["START_TIME", "", "1970-01-01T00:00:00.000Z"],
  ["ROUTE_NAME", "", "r"],
  ["RESPONSE_FLAGS", "", "UH"],
  ["REQUEST_ID", "", "id"],
  ["ENVIRONMENT", "ZONE", "z1"],
  ["ENVIRONMENT", "NONE", ""],
];

test("operators are filled in, and text between them is kept", () => {
  for (const [operator, argument, value] of OPERATORS) {
    const pieces = [
      { kind: "text", text: "<" },
      { kind: "operator", operator, argument },
      { kind: "text", text: ">" },
    ] as const;
    const mutations = { remove: [], add: [{ ...add("x", ""), value: pieces }] };
    const compiled = compile(table([host("h", ["*"], { requestHeaders: mutations })]));
    const head = request({ target: "/p?q", fields: ["x-one", "1"] });
    const seen = context(head, { upstreamAddress: "10.1.0.1:80", upstreamHost: "u", responseFlags: "UH" });
    const fields: string[] = [];
    compiled.route(head, "")?.requestHeaders.apply(fields, seen);
    assert.deepEqual(fields, ["x", `<${value}>`], operator);
  }
});

test("header mutations see the path and host that the caller wrote", () => {
  const value = [
    { kind: "operator", operator: "REQ", argument: ":PATH" },
    { kind: "operator", operator: "REQ", argument: ":AUTHORITY" },
  ] as const;
  const mutations = { remove: [], add: [{ ...add("x-was", ""), value }] };
  const action = forward({ prefixRewrite: "/new", hostRewrite: { kind: "literal", value: "b" } });
  const compiled = compile(
    table([host("h", ["*"], { routes: [route("r", { action, requestHeaders: mutations })] })]),
  );
  const head = request({ target: "/old" });
  const outcome = compiled.route(head, "");
  assert.ok(outcome);
  prepareRequest(outcome, context(head));
  assert.deepEqual(
    [head.target, head.authority, head.fields],
    ["/newold", "b", ["x-was", "/olda", "x-envoy-original-host", "a", "x-envoy-original-path", "/old"]],
  );
});

test("a route that changes nothing has an empty mutator", () => {
  const outcome = compile(table([host("h", ["*"], { requestHeaders: NO_MUTATIONS })])).route(request(), "");
  assert.equal(outcome?.requestHeaders.isEmpty, true);
});
