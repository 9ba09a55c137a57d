import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { adaptive, answersIn, assignment, endpoints, Mesh, place } from "./mesh.ts";

describe("adaptive, above the scan limit", () => {
  it("stays with an endpoint that answers fast, which a draw would hardly meet again", () => {
    const mesh = new Mesh(adaptive, {}, 1, answersIn(100));
    mesh.behaviours.set("10.0.0.7:8080", answersIn(5));
    mesh.balancer.update(assignment(place(endpoints(200))));
    mesh.run(20_000, 50);
    const share = mesh.run(10_000, 50).get("10.0.0.7:8080")! / 500;
    // Eight draws among 200 would offer it to one pick in twenty-five; the last used are compared every time.
    assert.ok(share > 0.9, `${share} of the requests`);
  });

  it("forgets the last used when they leave the assignment", () => {
    const mesh = new Mesh(adaptive, {}, 1);
    mesh.balancer.update(assignment(place(endpoints(100))));
    mesh.run(2_000, 50);
    mesh.balancer.update(assignment(place(endpoints(100, 100))));
    for (const address of mesh.run(4_000, 50).keys()) {
      const last = Number(/\.(\d+):/.exec(address)?.[1]);
      assert.ok(last >= 100, `${address} has left`);
    }
  });
});
