import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  buildSnapshot,
  CDS,
  EDS,
  LDS,
  RDS,
  type ServedTypeUrl,
  type SnapshotEntry,
} from "../../../xds/protocol/server-snapshot.ts";
import { ServerStream, type StreamResponse } from "../../../xds/protocol/server-stream.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const NAMES = ["a", "b", "c", "d"];
const TYPES: readonly ServedTypeUrl[] = [CDS, EDS, LDS, RDS];

/** Some clusters, each in one of two versions, all of them routed to by the only table. */
type Mesh = readonly (readonly [name: string, version: number])[];

function snapshot(mesh: Mesh) {
  const clusters = mesh.map(([name]) => name);
  const entries: SnapshotEntry[] = [
    ...mesh.map(([name, version]) => ({
      typeUrl: CDS,
      name,
      bytes: Buffer.from(String(version)),
      assignment: name,
    })),
    ...clusters.map((name) => ({ typeUrl: EDS, name, bytes: Buffer.from(name) })),
    { typeUrl: LDS, name: "listener", bytes: Buffer.from("l") },
    { typeUrl: RDS, name: "table", bytes: Buffer.from(clusters.join()) },
  ];
  return buildSnapshot(entries);
}

/** A client that believes everything it is sent and answers when it is told to. */
class Believer {
  readonly clusters = new Map<string, string>();
  readonly routedTo = new Set<string>();
  readonly #stream: ServerStream;
  readonly #unanswered = new Map<ServedTypeUrl, StreamResponse>();

  constructor(stream: ServerStream) {
    this.#stream = stream;
    for (const typeUrl of TYPES)
      stream.onRequest({ typeUrl, names: this.#names(typeUrl), nonce: "", error: undefined });
    this.take();
  }

  #names(typeUrl: ServedTypeUrl): string[] {
    if (typeUrl === EDS) return [...this.clusters.keys()];
    return typeUrl === RDS ? ["table"] : [];
  }

  take(): void {
    for (let response = this.#stream.next(); response; response = this.#stream.next()) {
      const { typeUrl, resources } = response;
      assert.ok(!this.#unanswered.has(typeUrl), "at most one response of a type is under way");
      this.#unanswered.set(typeUrl, response);
      if (typeUrl === CDS) this.clusters.clear();
      for (const { name, bytes } of resources) {
        const content = Buffer.from(bytes).toString();
        if (typeUrl === CDS) this.clusters.set(name, content);
        if (typeUrl === RDS) {
          this.routedTo.clear();
          for (const cluster of content.split(",").filter(Boolean)) this.routedTo.add(cluster);
        }
      }
      for (const cluster of this.routedTo) {
        assert.ok(this.clusters.has(cluster), `the routes name ${cluster}, which the client was not given`);
      }
    }
  }

  answer(typeUrl: ServedTypeUrl, rejects = false): void {
    const response = this.#unanswered.get(typeUrl);
    if (!response) return;
    this.#unanswered.delete(typeUrl);
    const error = rejects ? "no" : undefined;
    this.#stream.onRequest({ typeUrl, names: this.#names(typeUrl), nonce: response.nonce, error });
    this.take();
  }

  /** Answers until there is nothing left to answer. */
  settle(): void {
    for (let rounds = 0; this.#unanswered.size > 0; rounds++) {
      assert.ok(rounds < 100, "the server goes on sending although nothing changes");
      for (const typeUrl of [...this.#unanswered.keys()]) this.answer(typeUrl);
    }
  }
}

const mesh: fc.Arbitrary<Mesh> = fc.uniqueArray(
  fc.tuple(fc.constantFrom(...NAMES), fc.integer({ min: 1, max: 2 })),
  {
    selector: ([name]) => name,
  },
);
const step = fc.oneof(
  fc.record({ kind: fc.constant("publish" as const), mesh }),
  fc.record({ kind: fc.constant("answer" as const), type: fc.constantFrom(...TYPES) }),
);

describe("whatever is published and whenever it is answered", () => {
  it("routes never name a cluster that the client was not given, and in the end it has what is served", () => {
    fc.assert(
      fc.property(mesh, fc.array(step, { maxLength: 40 }), (first, steps) => {
        const stream = new ServerStream(snapshot(first), new FakeClock());
        const client = new Believer(stream);
        let last = first;
        for (const { kind, ...what } of steps) {
          if (kind === "publish" && "mesh" in what) {
            last = what.mesh;
            stream.onSnapshot(snapshot(last));
            client.take();
          } else if ("type" in what) client.answer(what.type);
        }
        client.settle();
        assert.deepEqual([...client.clusters.keys()].sort(), last.map(([name]) => name).sort());
        for (const [name, version] of last) assert.equal(client.clusters.get(name), String(version));
        assert.equal(stream.wakeAt(), undefined);
      }),
      { seed: 20_261, numRuns: 600 },
    );
  });

  it("a client that rejects everything is sent nothing twice", () => {
    fc.assert(
      fc.property(fc.array(mesh, { minLength: 1, maxLength: 10 }), (meshes) => {
        const stream = new ServerStream(snapshot(meshes[0]!), new FakeClock());
        const nonces = new Map<string, string>();
        let sent = 0;
        const reject = () => {
          for (let response = stream.next(); response; response = stream.next()) {
            sent++;
            nonces.set(response.typeUrl, response.nonce);
            stream.onRequest({ typeUrl: response.typeUrl, names: [], nonce: response.nonce, error: "no" });
          }
        };
        stream.onRequest({ typeUrl: CDS, names: [], nonce: "", error: undefined });
        reject();
        for (const next of meshes.slice(1)) {
          stream.onSnapshot(snapshot(next));
          reject();
        }
        assert.ok(sent <= meshes.length, `${sent} responses for ${meshes.length} snapshots`);
      }),
      { seed: 20_262, numRuns: 300 },
    );
  });

  it("a client that talks nonsense gets an end, one response per type at a time, and never a name it did not ask for", () => {
    const names = fc.array(fc.constantFrom("*", "", ...NAMES, "table", "listener", "__proto__"), {
      maxLength: 4,
    });
    const nonsense = fc.oneof(
      fc.record({
        typeUrl: fc.constantFrom<string>(...TYPES, "", "type.googleapis.com/some.Other"),
        names,
        nonce: fc.constantFrom("", "1", "2", "3", "4", "x"),
        error: fc.constantFrom(undefined, "no"),
      }),
      mesh,
      fc.constantFrom(1, 6_000),
    );
    fc.assert(
      fc.property(fc.array(nonsense, { maxLength: 40 }), (steps) => {
        const clock = new FakeClock();
        const stream = new ServerStream(snapshot([["a", 1]]), clock);
        const asked = new Set<string>();
        for (const what of steps) {
          if (typeof what === "number") clock.advance(what);
          else if ("typeUrl" in what) {
            stream.onRequest(what);
            for (const name of what.names) asked.add(name);
          } else stream.onSnapshot(snapshot(what));
          const types: string[] = [];
          for (let response = stream.next(); response; response = stream.next()) {
            types.push(response.typeUrl);
            const byName = response.typeUrl === EDS || response.typeUrl === RDS;
            for (const { name } of response.resources) assert.ok(!byName || asked.has(name));
          }
          assert.equal(new Set(types).size, types.length);
          const wakeAt = stream.wakeAt();
          assert.ok(wakeAt === undefined || wakeAt > clock.now(), "a time to wake lies ahead");
        }
      }),
      { seed: 20_265, numRuns: 1_000 },
    );
  });
});
