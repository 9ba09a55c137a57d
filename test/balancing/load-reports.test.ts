import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { adaptive, assignment, endpoints, Mesh, place } from "./mesh.ts";

const FIRST = "10.0.0.0:8080";
const NONE = new Map<string, number>();

/** Part of 2,000 requests that goes to the first of four equal endpoints, which reports that it fails so many per second of its 100. */
function shareWhenReporting(eps: number): number {
  const mesh = new Mesh(adaptive, {}, 7);
  const { balancer, clock } = mesh;
  balancer.update(assignment(place(endpoints(4))));
  let first = 0;
  for (let i = 0; i < 2_000; i++) {
    const slot = balancer.pick({ hash: undefined, tried: [] }, mesh.evidence);
    const ticket = balancer.onStart(slot);
    const isFirst = balancer.address(slot) === FIRST;
    if (isFirst) first++;
    clock.after(10, () => {
      balancer.onLoadReport(slot, {
        rif: 1,
        cores: 2,
        cpuUtilization: Number.NaN,
        applicationUtilization: 0.5,
        rps: 100,
        eps: isFirst ? eps : 0,
        named: NONE,
      });
      balancer.onEnd(ticket, OUTCOME.success);
    });
    clock.advance(10);
  }
  return first / 2_000;
}

describe("what an endpoint reports of its failures", () => {
  it("repels although this sidecar has not met one", () => {
    assert.ok(shareWhenReporting(0) > 0.15, `${shareWhenReporting(0)} without`);
    assert.ok(shareWhenReporting(30) < 0.05, `${shareWhenReporting(30)} with 30 %`);
  });

  it("is no reason to move for a rate that is noise", () => {
    assert.ok(shareWhenReporting(2) > 0.15, `${shareWhenReporting(2)} with 2 %`);
  });
});
