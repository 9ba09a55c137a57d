import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ResolvedPolicy } from "../../sidecar/balancing/index.ts";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { assignment, endpoint, endpoints, hashOf, Mesh, place } from "./mesh.ts";

/** What every policy owes, whatever it prefers. */
export function policyContract(policy: ResolvedPolicy): void {
  describe(`the ${policy.kind} policy`, () => {
    it("picks nothing where there are no endpoints", () => {
      const mesh = new Mesh(policy);
      assert.equal(mesh.send(1), "");
      mesh.balancer.update(assignment());
      assert.equal(mesh.send(1), "");
    });

    it("picks the only endpoint", () => {
      const mesh = new Mesh(policy);
      mesh.balancer.update(assignment(place(endpoints(1))));
      for (let i = 0; i < 20; i++) assert.equal(mesh.send(i), "10.0.0.0:8080");
    });

    it("uses every one of equal endpoints", () => {
      const mesh = new Mesh(policy);
      mesh.balancer.update(assignment(place(endpoints(5))));
      const seen = new Set<string>();
      for (let i = 0; i < 500; i++) {
        seen.add(mesh.send(Math.imul(i, 0x9e3779b1) >>> 0));
        mesh.clock.advance(5);
      }
      assert.equal(seen.size, 5);
    });

    it("avoids endpoints that this request tried while another is left, and then takes one of them again", () => {
      const mesh = new Mesh(policy);
      mesh.balancer.update(assignment(place(endpoints(3))));
      for (let i = 0; i < 50; i++) {
        const tried: number[] = [];
        for (let attempt = 0; attempt < 3; attempt++) {
          const slot = mesh.balancer.pick({ hash: hashOf(i), tried }, mesh.evidence);
          assert.ok(slot >= 0 && !tried.includes(slot));
          tried.push(slot);
        }
        assert.ok(mesh.balancer.pick({ hash: hashOf(i), tried }, mesh.evidence) >= 0);
      }
    });

    it("never picks draining or unhealthy endpoints while healthy ones suffice", () => {
      const mesh = new Mesh(policy);
      const members = [
        ...endpoints(8),
        endpoint(8, { health: "draining" }),
        endpoint(9, { health: "unhealthy" }),
      ];
      mesh.balancer.update(assignment(place(members)));
      for (let i = 0; i < 300; i++) {
        const address = mesh.send(Math.imul(i, 0x9e3779b1) >>> 0);
        assert.ok(address !== "10.0.0.8:8080" && address !== "10.0.0.9:8080");
        mesh.clock.advance(3);
      }
    });

    it("gives the same picks for the same seed and calls", () => {
      const picks = () => {
        const mesh = new Mesh(policy, {}, 7);
        mesh.balancer.update(assignment(place(endpoints(6))));
        return Array.from({ length: 200 }, (_, i) => {
          mesh.clock.advance(2);
          return mesh.send(i);
        });
      };
      assert.deepEqual(picks(), picks());
    });

    it("changes nothing when the same assignment arrives again", () => {
      const picks = (again: boolean) => {
        const mesh = new Mesh(policy, {}, 3);
        mesh.balancer.update(assignment(place(endpoints(6))));
        return Array.from({ length: 200 }, (_, i) => {
          if (again && i % 10 === 0) mesh.balancer.update(assignment(place(endpoints(6))));
          mesh.clock.advance(2);
          return mesh.send(i);
        });
      };
      assert.deepEqual(picks(true), picks(false));
    });

    it("stops picking an endpoint at the moment it leaves, and takes the end of its last attempt", () => {
      const mesh = new Mesh(policy);
      mesh.balancer.update(assignment(place(endpoints(3))));
      const open = Array.from({ length: 9 }, (_, i) => {
        const slot = mesh.balancer.pick({ hash: hashOf(i), tried: [] }, mesh.evidence);
        return mesh.balancer.onStart(slot);
      });
      mesh.balancer.update(assignment(place(endpoints(2))));
      for (let i = 0; i < 50; i++) assert.notEqual(mesh.send(i), "10.0.0.2:8080");
      for (const ticket of open) mesh.balancer.onEnd(ticket, OUTCOME.success);
      mesh.balancer.update(assignment(place(endpoints(3))));
      mesh.clock.advance(1000);
      assert.equal(mesh.balancer.view().endpoints.length, 3);
      assert.ok(mesh.balancer.view().endpoints.every((e) => e.inFlight === 0));
    });
  });
}
