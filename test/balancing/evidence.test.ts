import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EXCLUSION_NAMES, PICK_REASON } from "../../sidecar/balancing/evidence.ts";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { adaptive, answersIn, assignment, endpoint, endpoints, Mesh, place } from "./mesh.ts";

describe("the evidence of a pick", () => {
  it("holds the chosen endpoint first and then the next best, with the numbers of that moment", () => {
    const mesh = new Mesh(adaptive);
    mesh.balancer.update(assignment(place(endpoints(6))));
    mesh.behaviours.set("10.0.0.1:8080", answersIn(40));
    for (let i = 0; i < 500; i++) {
      const address = mesh.send();
      const { evidence } = mesh;
      assert.equal(mesh.balancer.address(evidence.slots[0]!), address);
      assert.equal(evidence.count, 4);
      assert.equal(evidence.total, 6);
      assert.equal(evidence.eligible, 6);
      assert.equal(new Set(evidence.slots).size, 4);
      assert.ok(evidence.scores[1]! <= evidence.scores[2]! && evidence.scores[2]! <= evidence.scores[3]!);
      if (evidence.reason === PICK_REASON.lowestScore)
        assert.ok(evidence.scores[0]! <= evidence.scores[1]! * 1.06);
      mesh.clock.advance(5);
    }
    assert.ok(mesh.evidence.latencyMs[0]! > 0);
  });

  it("counts who was not in the choice, by reason", () => {
    const mesh = new Mesh(adaptive);
    const members = [
      ...endpoints(5),
      endpoint(5, { health: "draining" }),
      endpoint(6, { health: "unhealthy" }),
    ];
    mesh.balancer.update(assignment(place(members), place(endpoints(2, 20), { zone: "far", priority: 1 })));
    mesh.run(1_000, 100);
    const slot = mesh.balancer.view().endpoints[0]!.slot;
    for (let i = 0; i < 3; i++) mesh.balancer.onEnd(mesh.balancer.onStart(slot), OUTCOME.connectFailure);
    mesh.send();
    const counted = Object.fromEntries(EXCLUSION_NAMES.map((name, i) => [name, mesh.evidence.excluded[i]]));
    const { ejected, unhealthy, draining, other_priority } = counted;
    assert.deepEqual([ejected, unhealthy, draining], [1, 1, 1]);
    assert.equal(
      mesh.evidence.eligible + ejected! + unhealthy! + draining! + other_priority!,
      mesh.evidence.total,
    );
  });

  it("says so when an endpoint was tried that had waited too long", () => {
    const mesh = new Mesh(adaptive);
    mesh.behaviours.set("10.0.0.0:8080", answersIn(30));
    mesh.balancer.update(assignment(place(endpoints(3))));
    const reasons = new Set<number>();
    for (let i = 0; i < 2_000; i++) {
      if (mesh.send() === "10.0.0.0:8080") reasons.add(mesh.evidence.reason);
      mesh.clock.advance(20);
    }
    assert.ok(reasons.has(PICK_REASON.exploration));
  });
});
