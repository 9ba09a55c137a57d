import assert from "node:assert/strict";
import { suite, test } from "node:test";
import pino from "pino";
import { DnsEndpoints } from "../../sidecar/upstream/dns-endpoints.ts";
import type { Resolved } from "../../sidecar/upstream/name-resolver.ts";
import type { ClusterLoadAssignment } from "../../xds/model/endpoint.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { assignmentModel } from "../support/model.ts";

/** Names that answer what the test says, under a clock that the test moves. */
class Bed {
  readonly clock = new FakeClock();
  readonly answers = new Map<string, Resolved | Error>();
  readonly seen: string[][] = [];
  questions = 0;

  start(
    assignment: ClusterLoadAssignment,
    changes: { logical?: boolean; respectTtl?: boolean } = {},
  ): DnsEndpoints {
    const context = {
      clock: this.clock,
      random: () => 0,
      logger: pino({ level: "silent" }),
      resolveName: async (name: string) => {
        this.questions++;
        const answer = this.answers.get(name);
        if (!answer || answer instanceof Error) throw answer ?? new Error("unknown");
        return answer;
      },
    };
    const settings = {
      logical: false,
      refreshMs: 5_000,
      respectTtl: false,
      families: "all" as const,
      ...changes,
    };
    return new DnsEndpoints(context, settings, assignment, ({ localities }) => {
      this.seen.push(
        localities.flatMap(({ endpoints }) => endpoints.map(({ host, port }) => `${host}:${port}`)),
      );
    });
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function answer(addresses: string[], ttlMs = 60_000): Resolved {
  return { addresses, ttlMs };
}

suite("DNS endpoints", () => {
  test("every address of every name is an endpoint, literals stay, and no address comes twice", async () => {
    const bed = new Bed();
    bed.answers.set("a.test", answer(["10.0.0.2", "10.0.0.1"]));
    bed.answers.set("b.test", answer(["10.0.0.1", "10.0.0.9"]));
    await bed.start(assignmentModel("c", "a.test:80", "b.test:80", "10.9.9.9:80")).warm;
    assert.deepEqual(bed.seen.at(-1), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.9:80", "10.9.9.9:80"]);
  });

  test("a logical name is its first address", async () => {
    const bed = new Bed();
    bed.answers.set("a.test", answer(["10.0.0.2", "10.0.0.1"]));
    await bed.start(assignmentModel("c", "a.test:80"), { logical: true }).warm;
    assert.deepEqual(bed.seen, [["10.0.0.2:80"]]);
  });

  test("while the name servers are down the last good addresses stay", async () => {
    const bed = new Bed();
    bed.answers.set("a.test", answer(["10.0.0.1"]));
    await bed.start(assignmentModel("c", "a.test:80")).warm;
    bed.answers.set("a.test", new Error("SERVFAIL"));
    for (let i = 0; i < 100; i++) await bed.pass(6_000);
    assert.deepEqual(bed.seen, [["10.0.0.1:80"]]);
    bed.answers.set("a.test", answer(["10.0.0.3"]));
    await bed.pass(6_000);
    assert.deepEqual(bed.seen.at(-1), ["10.0.0.3:80"]);
  });

  test("the same addresses in another order are no news", async () => {
    const bed = new Bed();
    bed.answers.set("a.test", answer(["10.0.0.1", "10.0.0.2"]));
    await bed.start(assignmentModel("c", "a.test:80")).warm;
    bed.answers.set("a.test", answer(["10.0.0.2", "10.0.0.1"]));
    await bed.pass(6_000);
    assert.equal(bed.seen.length, 1);
  });

  test("where the TTL is respected a name is asked again when its answer is over", async () => {
    const bed = new Bed();
    bed.answers.set("a.test", answer(["10.0.0.1"], 30_000));
    const endpoints = bed.start(assignmentModel("c", "a.test:80"), { respectTtl: true });
    await endpoints.warm;
    await bed.pass(29_000);
    assert.equal(bed.questions, 1);
    await bed.pass(1_001);
    assert.equal(bed.questions, 2);
    endpoints.close();
    assert.equal(bed.clock.pending, 0);
  });
});
