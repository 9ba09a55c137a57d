import assert from "node:assert/strict";
import type { Mesh } from "./mesh.ts";

/** What is true of a balancer at any moment, whatever was done to it. */
export function assertSound(mesh: Mesh): void {
  const view = mesh.balancer.view();
  let share = 0;
  for (const e of view.endpoints) {
    for (const [name, value] of Object.entries({ ...e, ...e.weightStep })) {
      if (typeof value !== "number" || name === "latencyMs" || name === "lastReportAgeMs") continue;
      assert.ok(Number.isFinite(value) && value >= 0, `${name} of ${e.address} is ${value}`);
    }
    assert.ok(
      Number.isNaN(e.latencyMs) || (e.latencyMs > 0 && e.latencyMs <= 3_600_000),
      `latency ${e.latencyMs}`,
    );
    assert.ok(e.weight > 0 && e.weight <= 200, `weight ${e.weight}`);
    share += e.share;
  }
  assert.ok(share <= 1 + 1e-9, `shares sum up to ${share}`);
}
