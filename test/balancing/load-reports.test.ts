import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { adaptive, assignment, endpoints, Mesh, place } from "./mesh.ts";

const FIRST = "10.0.0.0:8080";
const NONE = new Map<string, number>();

/** Part of 2,000 requests that goes to the first of four equal endpoints, which reports that it fails so many per second of its 100. */
function shareWhenReporting(eps: number): number {
  return shareOfFirst(() => true, eps);
}

/** The same where only some answers bring a report. */
function shareOfFirst(reports: (address: string, request: number) => boolean, eps = 0): number {
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
      if (reports(balancer.address(slot), i)) {
        balancer.onLoadReport(slot, {
          rif: 1,
          cores: 2,
          cpuUtilization: Number.NaN,
          applicationUtilization: 0.5,
          rps: 100,
          eps: isFirst ? eps : 0,
          named: NONE,
        });
      }
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

describe("reports of only some endpoints", () => {
  it("move nothing, because others have none to be compared with", () => {
    const onlyFirst = shareOfFirst((address) => address === FIRST);
    assert.ok(onlyFirst > 0.15 && onlyFirst < 0.35, `${onlyFirst} for the only one that reports`);
    const allOthers = shareOfFirst((address) => address !== FIRST);
    assert.ok(allOthers > 0.15 && allOthers < 0.35, `${allOthers} for the only one that does not`);
  });

  it("count as soon as the last one reports, or has left", () => {
    const mesh = new Mesh(adaptive, {}, 7);
    const { balancer, clock } = mesh;
    const answer = (silent: string): number => {
      let first = 0;
      for (let i = 0; i < 400; i++) {
        const slot = balancer.pick({ hash: undefined, tried: [] }, mesh.evidence);
        const ticket = balancer.onStart(slot);
        const address = balancer.address(slot);
        if (address === FIRST) first++;
        clock.advance(10);
        if (address !== silent) {
          balancer.onLoadReport(slot, {
            rif: address === FIRST ? 20 : 1,
            cores: 2,
            cpuUtilization: Number.NaN,
            applicationUtilization: 0.5,
            rps: 100,
            eps: 0,
            named: NONE,
          });
        }
        balancer.onEnd(ticket, OUTCOME.success);
      }
      return first / 400;
    };
    const four = endpoints(4);
    balancer.update(assignment(place(four)));
    const last = "10.0.0.3:8080";
    assert.ok(answer(last) > 0.1, "the loaded one is not known as such");
    balancer.update(assignment(place(four.slice(0, 3))));
    answer("");
    assert.ok(answer("") < 0.1, "the loaded one is spared");
  });
});
