import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OUTCOME, type Outcome } from "../../sidecar/balancing/outcome.ts";
import { adaptive, answersIn, assignment, endpoints, Mesh, place, roundRobin } from "./mesh.ts";

const SICK = "10.0.0.0:8080";
const ends = (outcome: Outcome, ms: number) => () => ({ outcome, ms });
const shareOf = (counts: Map<string, number>, address: string) =>
  (counts.get(address) ?? 0) / [...counts.values()].reduce((a, b) => a + b, 0);

describe("our own detection", () => {
  for (const policy of [adaptive, roundRobin]) {
    for (const [fault, behaviour] of [
      ["refuses", ends(OUTCOME.connectFailure, 0.5)],
      ["answers fast 500s", ends(OUTCOME.serverError, 0.3)],
      ["hangs", ends(OUTCOME.timeout, 1_000)],
    ] as const) {
      it(`${policy.kind}: an endpoint that ${fault} has under 1 % of picks after 1 s and 80 % of its fair share 5 s after repair`, () => {
        const mesh = new Mesh(policy);
        mesh.balancer.update(assignment(place(endpoints(4))));
        mesh.run(5_000, 200);
        mesh.behaviours.set(SICK, behaviour);
        mesh.run(1_500, 200);
        const during = shareOf(mesh.run(10_000, 200), SICK);
        assert.ok(during < 0.01, `share during the fault ${during}`);
        mesh.behaviours.delete(SICK);
        mesh.run(5_000, 200);
        const after = shareOf(mesh.run(4_000, 200), SICK);
        assert.ok(after > 0.8 * 0.25, `share after repair ${after}`);
      });
    }
  }

  it("sends one trial at a time to an endpoint on probation", () => {
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(assignment(place(endpoints(3))));
    mesh.behaviours.set(SICK, ends(OUTCOME.connectFailure, 1));
    mesh.run(1_000, 100);
    assert.equal(mesh.state(SICK), "ejected");
    mesh.behaviours.set(SICK, ends(OUTCOME.success, 60_000));
    mesh.clock.advance(10_000);
    const counts = mesh.run(2_000, 100);
    assert.equal(counts.get(SICK), 1);
    assert.equal(mesh.state(SICK), "probation");
  });

  it("never ejects the last endpoint, nor more than half", () => {
    for (const count of [1, 2, 3, 5, 10]) {
      const mesh = new Mesh(roundRobin);
      mesh.balancer.update(assignment(place(endpoints(count))));
      mesh.run(2_000, 200);
      for (let i = 0; i < count - 1; i++) {
        mesh.behaviours.set(`10.0.0.${i}:8080`, ends(OUTCOME.connectFailure, 1));
      }
      mesh.run(3_000, 200);
      const out = mesh.balancer
        .view()
        .endpoints.filter((e) => e.state === "ejected" || e.state === "probation");
      assert.ok(
        out.length <= Math.max(count > 1 ? 1 : 0, Math.floor(count / 2)),
        `${out.length} of ${count}`,
      );
    }
  });

  it("ejects nobody when everybody fails", () => {
    const mesh = new Mesh(adaptive, {}, 1, ends(OUTCOME.serverError, 5));
    mesh.balancer.update(assignment(place(endpoints(6))));
    const counts = mesh.run(5_000, 200);
    assert.deepEqual(
      mesh.events.filter((event) => event.kind === "ejected"),
      [],
    );
    assert.equal(counts.size, 6);
    for (const count of counts.values()) assert.ok(count > 50, `${count} of 1000`);
  });

  it("counts neither cancelled attempts nor our own lack of resources", () => {
    for (const outcome of [OUTCOME.cancelled, OUTCOME.local] as const) {
      const mesh = new Mesh(adaptive);
      mesh.balancer.update(assignment(place(endpoints(3))));
      mesh.behaviours.set(SICK, ends(outcome, 1));
      mesh.run(3_000, 100);
      const view = mesh.balancer.view().endpoints[0]!;
      assert.equal(view.state, "healthy");
      assert.equal(view.failures, 0);
    }
  });

  it("does not eject for timeouts that span a stall of our own", () => {
    const mesh = new Mesh(adaptive);
    mesh.balancer.update(assignment(place(endpoints(3))));
    mesh.run(1_000, 100);
    const tickets = Array.from({ length: 12 }, () =>
      mesh.balancer.onStart(mesh.balancer.pick({ hash: undefined, tried: [] }, mesh.evidence)),
    );
    mesh.clock.advance(2_000);
    mesh.balancer.onStall(2_000);
    mesh.balancer.tick();
    for (const ticket of tickets) mesh.balancer.onEnd(ticket, OUTCOME.timeout);
    mesh.balancer.tick();
    assert.ok(mesh.balancer.view().endpoints.every((e) => e.state === "healthy" && e.failures === 0));
    assert.ok(mesh.balancer.view().endpoints.every((e) => e.latencyMs < 50));
  });

  it("ejects an endpoint at which two attempts wait far longer than usual, before the first times out", () => {
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(assignment(place(endpoints(4))));
    mesh.run(2_000, 100);
    mesh.behaviours.set(SICK, answersIn(600_000));
    mesh.run(600, 100);
    assert.equal(mesh.state(SICK), "ejected");
    assert.match(mesh.events.at(-1)!.reason, /wait longer than 200 ms/);
  });

  it("lowers the share of an endpoint that asks to be spared for the time it named, without ejecting it", () => {
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(assignment(place(endpoints(4))));
    mesh.run(1_000, 200);
    const slot = mesh.balancer.view().endpoints[0]!.slot;
    mesh.balancer.onEnd(mesh.balancer.onStart(slot), OUTCOME.pushback, 3_000);
    const spared = shareOf(mesh.run(2_500, 200), SICK);
    assert.ok(spared < 0.06, `share while spared ${spared}`);
    mesh.run(1_000, 200);
    assert.ok(shareOf(mesh.run(2_000, 200), SICK) > 0.2);
    assert.equal(mesh.state(SICK), "healthy");
  });

  it("tells in words why it ejected and for how long", () => {
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(assignment(place(endpoints(3))));
    mesh.run(1_000, 100);
    mesh.behaviours.set(SICK, ends(OUTCOME.connectFailure, 1));
    mesh.run(2_000, 100);
    const ejected = mesh.events.find((event) => event.kind === "ejected")!;
    assert.equal(ejected.address, SICK);
    assert.match(ejected.reason, /3 failures in a row, the last connect_failure/);
    assert.ok(ejected.durationMs > 0);
  });

  it("ejects nobody for waiting when most of the cluster waits", () => {
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(assignment(place(endpoints(4))));
    mesh.run(2_000, 100);
    for (let i = 0; i < 3; i++) mesh.behaviours.set(`10.0.0.${i}:8080`, answersIn(600_000));
    mesh.run(900, 100);
    assert.deepEqual(
      mesh.events.filter((event) => event.kind === "ejected"),
      [],
    );
  });

  it("waits on when an endpoint on probation asks to be spared", () => {
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(assignment(place(endpoints(3))));
    mesh.behaviours.set(SICK, ends(OUTCOME.connectFailure, 1));
    mesh.run(1_000, 100);
    mesh.behaviours.set(SICK, ends(OUTCOME.pushback, 1));
    const counts = mesh.run(20_000, 100);
    assert.ok((counts.get(SICK) ?? 0) < 20, `${counts.get(SICK)} of 2000`);
  });

  it("two of three refuse: round robin sends most requests to the last, and a retry finds it", () => {
    const mesh = new Mesh(roundRobin);
    mesh.balancer.update(assignment(place(endpoints(3))));
    mesh.run(1_000, 100);
    for (const i of [0, 1]) mesh.behaviours.set(`10.0.0.${i}:8080`, ends(OUTCOME.connectFailure, 1));
    mesh.run(1_000, 100);
    const share = shareOf(mesh.run(5_000, 100), "10.0.0.2:8080");
    assert.ok(share >= 0.45, `${share}`);
  });

  it("two of three refuse: adaptive sends nearly all to the last", () => {
    const mesh = new Mesh(adaptive);
    mesh.balancer.update(assignment(place(endpoints(3))));
    mesh.run(1_000, 100);
    for (const i of [0, 1]) mesh.behaviours.set(`10.0.0.${i}:8080`, ends(OUTCOME.connectFailure, 1));
    mesh.run(1_000, 100);
    const share = shareOf(mesh.run(5_000, 100), "10.0.0.2:8080");
    assert.ok(share >= 0.95, `${share}`);
  });
});
