import assert from "node:assert/strict";
import test from "node:test";
import type { ForwardAction } from "../../sidecar/routing/compiled-route.ts";
import { clusterOf } from "../../sidecar/routing/prepare-request.ts";
import { requestOverrides, withoutOverrides } from "../../sidecar/routing/request-overrides.ts";
import type { CompiledTable } from "../../sidecar/routing/route-table.ts";
import type { FaultPolicy, RetryOn, RetryPolicy, WeightedCluster } from "../../xds/model/route-table.ts";
import { compile, context, forward, host, NO_MUTATIONS, request, route, table } from "./tables.ts";

function weighted(cluster: string, weight: number, fault?: FaultPolicy | "disabled"): WeightedCluster {
  return { cluster, weight, requestHeaders: NO_MUTATIONS, responseHeaders: NO_MUTATIONS, fault };
}

function fault(upstreamCluster: string): FaultPolicy {
  return { delay: undefined, abort: undefined, headers: [], upstreamCluster, maxActiveFaults: 0 };
}

function retry(on: RetryOn, parts: Partial<RetryPolicy> = {}): RetryPolicy {
  return {
    on: new Set([on]),
    numRetries: 1,
    perTryTimeoutMs: 0,
    perTryIdleTimeoutMs: 0,
    statusCodes: new Set(),
    retriableHeaders: [],
    retriableRequestHeaders: [],
    backoffBaseMs: 25,
    backoffMaxMs: 250,
    rateLimitedBackoff: undefined,
    ...parts,
  };
}

function forwarded(compiled: CompiledTable, head = request()): ForwardAction {
  const action = compiled.route(head, "")?.action;
  assert.ok(action?.kind === "forward");
  return action;
}

test("weighted clusters are drawn by their weights, and one of weight 0 never", () => {
  const clusters = [weighted("one", 1), weighted("never", 0), weighted("three", 3)];
  const action = forward({ cluster: { kind: "weighted", clusters } });
  const compiled = compile(table([host("h", ["*"], { routes: [route("r", { action })] })]));
  const counts = new Map<string, number>();
  for (let i = 0; i < 4_000; i++) {
    const outcome = forwarded(compiled);
    counts.set(outcome.cluster, (counts.get(outcome.cluster) ?? 0) + 1);
  }
  assert.deepEqual([...counts.keys()].sort(), ["one", "three"]);
  assert.ok(Math.abs((counts.get("one") ?? 0) - 1_000) < 100, `${counts.get("one")} of 4000`);
});

test("the same route gives the same object", () => {
  const compiled = compile(table([host("h", ["*"])]));
  assert.equal(compiled.route(request(), ""), compiled.route(request(), ""));
  assert.ok(Object.isFrozen(compiled.route(request(), "")));
});

test("a cluster may be named by a header, and is nothing without it", () => {
  const action = forward({ cluster: { kind: "header", header: "X-Cluster" } });
  const compiled = compile(table([host("h", ["*"], { routes: [route("r", { action })] })]));
  const named = request({ fields: ["x-cluster", "c2"] });
  const outcome = forwarded(compiled, named);
  assert.equal(clusterOf(outcome, context(named)), "c2");
  assert.equal(clusterOf(outcome, context(request())), "");
});

test("the most specific fault policy wins, and may switch all of them off", () => {
  const found = (levels: {
    cluster?: FaultPolicy | "disabled";
    route?: FaultPolicy | "disabled";
    host?: FaultPolicy;
  }) => {
    const action = forward({
      cluster: { kind: "weighted", clusters: [weighted("c", 1, levels.cluster)] },
    });
    const hosts = [
      host("h", ["*"], { routes: [route("r", { action, fault: levels.route })], fault: levels.host }),
    ];
    return compile(table(hosts), { fault: fault("listener") }).route(request(), "")?.fault?.upstreamCluster;
  };
  assert.equal(found({}), "listener");
  assert.equal(found({ host: fault("host") }), "host");
  assert.equal(found({ host: fault("host"), route: fault("route") }), "route");
  assert.equal(found({ route: fault("route"), cluster: fault("cluster") }), "cluster");
  assert.equal(found({ route: "disabled", host: fault("host") }), undefined);
  assert.equal(found({ cluster: "disabled", route: fault("route") }), undefined);
});

test("a route's retry policy replaces its virtual host's", () => {
  const policy = (own: RetryPolicy | undefined) => {
    const routes = [route("r", { action: forward({ retryPolicy: own }) })];
    const compiled = compile(table([host("h", ["*"], { routes, retryPolicy: retry("5xx") })]));
    return forwarded(compiled).retryPolicy?.on;
  };
  assert.deepEqual(policy(undefined), new Set(["5xx"]));
  assert.deepEqual(policy(retry("reset")), new Set(["reset"]));
});

function action(parts = {}): ForwardAction {
  const routes = [route("r", { action: forward(parts) })];
  return forwarded(compile(table([host("h", ["*"], { routes })])));
}

test("without override headers the route's own action is given", () => {
  const own = action();
  assert.equal(requestOverrides(own, request({ fields: ["x-request-identifier", "1", "a", "b"] })), own);
});

test("override headers change timeouts and retries, and are taken out", () => {
  const head = request({
    fields: [
      "a",
      "b",
      "X-Envoy-Upstream-Rq-Timeout-Ms",
      "900",
      "x-envoy-upstream-rq-per-try-timeout-ms",
      "300",
      "x-envoy-max-retries",
      "4",
      "x-envoy-retry-on",
      "reset, nonsense",
      "x-envoy-retry-grpc-on",
      "unavailable",
      "x-envoy-retriable-status-codes",
      "503,x,99",
      "x-envoy-hedge-on-per-try-timeout",
      "true",
      "x-envoy-original-path",
      "true",
    ],
  });
  const changed = requestOverrides(action({ retryPolicy: retry("5xx") }), head);
  assert.deepEqual(head.fields, ["a", "b", "x-envoy-original-path", "true"]);
  assert.equal(changed.timeoutMs, 900);
  assert.equal(changed.retryPolicy?.perTryTimeoutMs, 300);
  assert.equal(changed.retryPolicy?.numRetries, 4);
  assert.deepEqual(changed.retryPolicy?.on, new Set(["5xx", "reset", "unavailable"]));
  assert.deepEqual(changed.retryPolicy?.statusCodes, new Set([503]));
});

test("each override header is found by itself", () => {
  const alone = (name: string, value: string): ForwardAction => {
    const head = request({ fields: [name, value] });
    const changed = requestOverrides(action(), head);
    assert.deepEqual(head.fields, [], name);
    return changed;
  };
  assert.deepEqual(alone("x-envoy-retry-on", "5xx").retryPolicy?.on, new Set(["5xx"]));
  assert.deepEqual(
    alone("x-envoy-retriable-header-names", "X-Again, x-too").retryPolicy?.retriableHeaders.map(
      ({ name }) => name,
    ),
    ["x-again", "x-too"],
  );
  assert.equal(alone("x-envoy-upstream-stream-duration-ms", "70").maxStreamDurationMs, 70);
  assert.equal(alone("x-envoy-upstream-rq-timeout-alt-response", "").timeoutStatus, 204);
});

test("override headers with nonsense are taken out and change nothing", () => {
  const head = request({ fields: ["x-envoy-upstream-rq-timeout-ms", "-1", "x-envoy-max-retries", "1e9"] });
  const own = action();
  assert.deepEqual(requestOverrides(own, head), { ...own });
  assert.deepEqual(head.fields, []);
});

test("a per-try timeout that is not below the whole timeout has no effect", () => {
  const head = request({
    fields: ["x-envoy-upstream-rq-per-try-timeout-ms", "900", "x-envoy-upstream-rq-timeout-ms", "900"],
  });
  assert.equal(requestOverrides(action(), head).retryPolicy?.perTryTimeoutMs, 0);
});

test("retries a header asks for are bounded", () => {
  const head = request({ fields: ["x-envoy-max-retries", "1000000"] });
  assert.equal(requestOverrides(action(), head).retryPolicy?.numRetries, 100);
});

test("callers that may not override lose the headers unread", () => {
  const head = request({ fields: ["x-envoy-max-retries", "4", "a", "b"] });
  withoutOverrides(head);
  assert.deepEqual(head.fields, ["a", "b"]);
});
