import assert from "node:assert/strict";
import test from "node:test";
import v8 from "node:v8";
import type { Balancer, LoadReport } from "../../sidecar/balancing/balancer.ts";
import { Evidence } from "../../sidecar/balancing/evidence.ts";
import { createBalancer } from "../../sidecar/balancing/index.ts";
import { OUTCOME } from "../../sidecar/balancing/outcome.ts";
import { seededRandom } from "../../xds/common/random.ts";
import { adaptive, assignment, endpoints, place } from "./mesh.ts";

const ROUNDS = 60;
const CALLS = 10_000;
const IN_FLIGHT = 64;
const FAILING = 50;
/** A number that is handed from one compiled function to another is an object of 16 bytes; which ones are is the compiler's choice. */
const NUMBER = 16;
const PER_PICK = 12 * NUMBER;
const PER_ATTEMPT = 18 * NUMBER;

/** A balancer in use, on a clock that allocates nothing itself. */
class Traffic {
  readonly #now = new Float64Array(1);
  readonly #balancer: Balancer;
  readonly #evidence = new Evidence();
  readonly #request = { hash: undefined, tried: [] };
  readonly #tickets = new Int32Array(IN_FLIGHT);
  readonly #slots = new Int32Array(IN_FLIGHT);
  readonly #report: LoadReport | undefined;
  #begun = 0;

  constructor(count: number, reports: boolean) {
    const now = this.#now;
    const clock = { now: () => now[0]!, wall: () => 0, after: () => () => {} };
    this.#balancer = createBalancer(adaptive, {}, { clock, random: seededRandom(1) });
    this.#balancer.update(assignment(place(endpoints(count))));
    const unknown = { cpuUtilization: Number.NaN, applicationUtilization: 0.3, eps: 0, named: new Map() };
    this.#report = reports ? { rif: 0, cores: 2, rps: 100, ...unknown } : undefined;
  }

  pick(): number {
    this.#now[0]! += 0.4;
    return this.#balancer.pick(this.#request, this.#evidence);
  }

  attempt(): void {
    const slot = this.pick();
    const at = this.#begun++ % IN_FLIGHT;
    if (this.#begun > IN_FLIGHT) this.#end(at);
    this.#slots[at] = slot;
    this.#tickets[at] = this.#balancer.onStart(slot);
  }

  #end(at: number): void {
    const ticket = this.#tickets[at]!;
    this.#balancer.onResponse(ticket);
    if (this.#report) {
      this.#report.rif = this.#begun % 7;
      this.#balancer.onLoadReport(this.#slots[at]!, this.#report);
    }
    this.#balancer.onEnd(ticket, this.#begun % FAILING === 0 ? OUTCOME.serverError : OUTCOME.success);
  }
}

/** Bytes that one call allocates, in the best of as many rounds as the compiler needs to do its work beside us. */
function bytesEach(call: () => void, bound: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS && least >= bound; round++) {
    const before = v8.getHeapStatistics().total_allocated_bytes;
    for (let i = 0; i < CALLS; i++) call();
    least = Math.min(least, (v8.getHeapStatistics().total_allocated_bytes - before) / CALLS);
  }
  return least;
}

const skip = v8.getHeapStatistics().total_allocated_bytes === undefined && "this Node does not count bytes";

for (const reports of [false, true]) {
  const which = `endpoints that report ${reports ? "their load" : "nothing"}`;

  test(`an attempt at one of 32 ${which} makes no objects but a few numbers`, {
    skip,
  }, (t) => {
    const traffic = new Traffic(32, reports);
    const attempt = bytesEach(() => traffic.attempt(), PER_ATTEMPT);
    const pick = bytesEach(() => void traffic.pick(), PER_PICK);
    t.diagnostic(`${pick.toFixed(1)} bytes per pick, ${attempt.toFixed(1)} per attempt`);
    assert.ok(pick < PER_PICK, `${pick} bytes per pick`);
    assert.ok(attempt < PER_ATTEMPT, `${attempt} bytes per attempt`);
  });

  test(`a pick among 10,000 ${which} makes no more`, { skip }, (t) => {
    const traffic = new Traffic(10_000, reports);
    for (let i = 0; i < 10 * CALLS; i++) traffic.attempt();
    const pick = bytesEach(() => void traffic.pick(), PER_PICK);
    t.diagnostic(`${pick.toFixed(1)} bytes per pick`);
    assert.ok(pick < PER_PICK, `${pick} bytes per pick`);
  });
}
