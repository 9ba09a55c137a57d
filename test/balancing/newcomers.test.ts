import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { adaptive, assignment, endpoint, endpoints, Mesh, place } from "./mesh.ts";

const NEWCOMER = "10.0.0.9:8080";

/** A sidecar that knows four endpoints, and has just heard of a fifth. */
function joined(seed: number): Mesh {
  const mesh = new Mesh(adaptive, {}, seed);
  mesh.balancer.update(assignment(place(endpoints(4))));
  mesh.run(10_000, 50);
  mesh.balancer.update(assignment(place([...endpoints(4), endpoint(9)])));
  return mesh;
}

/** How long after it joined the first request went to it, in ms. */
function firstTry(mesh: Mesh): number {
  for (let waited = 0; waited < 10_000; waited += 20) {
    if (mesh.send() === NEWCOMER) return waited;
    mesh.clock.advance(20);
  }
  return Number.POSITIVE_INFINITY;
}

describe("an endpoint that joins", () => {
  it("is tried by sidecars at moments that spread over its slow start", () => {
    const moments = Array.from({ length: 20 }, (_, seed) => firstTry(joined(seed + 1))).sort((a, b) => a - b);
    assert.ok(moments[5]! > 500, `a quarter before ${moments[5]} ms`);
    assert.ok(moments[10]! > 1_500, `half before ${moments[10]} ms`);
    assert.ok(moments[19]! <= 5_200, `the last after ${moments[19]} ms`);
  });

  it("gets no second request before it answered the first", () => {
    const mesh = joined(3);
    let sent = 0;
    mesh.behaviours.set(NEWCOMER, () => {
      sent++;
      return { outcome: 0, ms: 3_000 };
    });
    firstTry(mesh);
    mesh.run(2_900, 50);
    assert.equal(sent, 1);
  });
});
