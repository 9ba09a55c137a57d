import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OUTCOME, type Outcome } from "../../sidecar/balancing/outcome.ts";
import type { OutlierDetection } from "../../xds/model/cluster.ts";
import { assignment, ENVOY_DEFAULTS, endpoints, Mesh, place, roundRobin } from "./mesh.ts";

function meshOf(count: number, overrides: Partial<OutlierDetection> = {}) {
  const mesh = new Mesh(roundRobin, { outlierDetection: { ...ENVOY_DEFAULTS, ...overrides } });
  mesh.balancer.update(assignment(place(endpoints(count))));
  const end = (index: number, outcome: Outcome, times = 1) => {
    const slot = mesh.balancer.view().endpoints[index]!.slot;
    for (let i = 0; i < times; i++) mesh.balancer.onEnd(mesh.balancer.onStart(slot), outcome);
  };
  const state = (index: number) => mesh.balancer.view().endpoints[index]!.state;
  /** Moves the clock in ticks, as the owner does. */
  const wait = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      mesh.balancer.tick();
      mesh.clock.advance(500);
    }
    mesh.balancer.tick();
  };
  return { mesh, end, state, wait };
}

describe("outlier_detection with Envoy's meaning", () => {
  it("ejects at the fifth 5xx in a row and not when a success lies between", () => {
    const { end, state } = meshOf(10);
    end(0, OUTCOME.serverError, 4);
    end(0, OUTCOME.success);
    end(0, OUTCOME.serverError, 4);
    assert.equal(state(0), "healthy");
    end(0, OUTCOME.serverError);
    assert.equal(state(0), "ejected");
  });

  it("ejects nobody of fewer than ten at 10 %, unless one is always allowed", () => {
    const strict = meshOf(9);
    strict.end(0, OUTCOME.serverError, 20);
    assert.equal(strict.state(0), "healthy");
    const one = meshOf(9, { alwaysEjectOneHost: true });
    one.end(0, OUTCOME.serverError, 5);
    one.end(1, OUTCOME.serverError, 5);
    assert.equal(one.state(0), "ejected");
    assert.equal(one.state(1), "healthy");
  });

  it("lets nobody back before the base time, then at once and at full weight, and longer each time", () => {
    const { mesh, end, state, wait } = meshOf(10);
    end(0, OUTCOME.serverError, 5);
    wait(29_000);
    assert.equal(state(0), "ejected");
    wait(1_500);
    assert.equal(state(0), "healthy");
    assert.equal(mesh.balancer.view().endpoints[0]!.slowStartFactor, 1);
    end(0, OUTCOME.serverError, 5);
    const durations = mesh.events.filter((e) => e.kind === "ejected").map((e) => e.durationMs);
    assert.deepEqual(durations, [30_000, 60_000]);
  });

  it("shortens the next ejection by one base time per healthy interval", () => {
    const { mesh, end, wait } = meshOf(10);
    end(0, OUTCOME.serverError, 5);
    wait(60_000);
    end(0, OUTCOME.serverError, 5);
    assert.deepEqual(
      mesh.events.filter((e) => e.kind === "ejected").map((e) => e.durationMs),
      [30_000, 30_000],
    );
  });

  it("counts gateway failures apart, and enforces them only when told to", () => {
    const observed = meshOf(10, { consecutive5xx: 100 });
    observed.end(0, OUTCOME.gatewayError, 20);
    assert.equal(observed.state(0), "healthy");
    const enforced = meshOf(10, { consecutive5xx: 100, enforcingConsecutiveGatewayFailure: 100 });
    enforced.end(0, OUTCOME.serverError, 20);
    assert.equal(enforced.state(0), "healthy");
    enforced.end(0, OUTCOME.connectFailure, 5);
    assert.equal(enforced.state(0), "ejected");
  });

  it("judges local origin failures by themselves in split mode", () => {
    const { end, state, mesh } = meshOf(20, { splitExternalLocalOriginErrors: true, consecutive5xx: 2 });
    end(0, OUTCOME.connectFailure, 4);
    assert.equal(state(0), "healthy");
    end(0, OUTCOME.connectFailure);
    assert.equal(state(0), "ejected");
    assert.match(mesh.events.at(-1)!.reason, /5 local origin failures in a row/);
  });

  it("ejects at the end of the interval whose success rate lies 1.9 deviations below the mean", () => {
    const { end, state, wait, mesh } = meshOf(10, { consecutive5xx: 1_000 });
    wait(500);
    for (let i = 0; i < 10; i++) {
      end(i, OUTCOME.success, i === 3 ? 60 : 99);
      end(i, OUTCOME.serverError, i === 3 ? 40 : 1);
    }
    assert.equal(state(3), "healthy");
    wait(10_000);
    assert.equal(state(3), "ejected");
    assert.match(mesh.events.at(-1)!.reason, /success rate 60.0 % is below/);
  });

  it("ejects by failure percentage when enforced, with its own volume", () => {
    const { end, state, wait } = meshOf(10, {
      consecutive5xx: 1_000,
      enforcingSuccessRate: 0,
      enforcingFailurePercentage: 100,
      failurePercentageThreshold: 40,
    });
    wait(500);
    for (let i = 0; i < 10; i++) {
      end(i, OUTCOME.success, 40);
      end(i, OUTCOME.serverError, i === 4 ? 40 : 10);
    }
    wait(10_000);
    assert.equal(state(4), "ejected");
    assert.equal(state(5), "healthy");
  });

  it("ends an ejection when an active health check passes", () => {
    const { mesh, end, state } = meshOf(10);
    end(0, OUTCOME.serverError, 5);
    mesh.balancer.onHealthCheck(mesh.balancer.view().endpoints[0]!.address, true);
    assert.equal(state(0), "healthy");
    const not = meshOf(10, { activeHealthCheckUnejects: false });
    not.end(0, OUTCOME.serverError, 5);
    not.mesh.balancer.onHealthCheck(not.mesh.balancer.view().endpoints[0]!.address, true);
    assert.equal(not.state(0), "ejected");
  });
});
