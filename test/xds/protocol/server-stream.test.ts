import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import {
  buildSnapshot,
  CDS,
  EDS,
  LDS,
  RDS,
  type ServedTypeUrl,
} from "../../../xds/protocol/server-snapshot.ts";
import { type Outcome, ServerStream, type StreamResponse } from "../../../xds/protocol/server-stream.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A mesh in one object: type -> name -> content. */
type Contents = Partial<Record<"cds" | "eds" | "lds" | "rds", Record<string, string>>>;
const TYPES = { cds: CDS, eds: EDS, lds: LDS, rds: RDS } as const;
const SHORT = new Map<string, string>(Object.entries(TYPES).map(([short, url]) => [url, short]));

function snapshot(contents: Contents) {
  const entries = Object.entries(TYPES).flatMap(([short, typeUrl]) =>
    Object.entries(contents[short as keyof Contents] ?? {}).map(([name, content]) => ({
      typeUrl,
      name,
      bytes: Buffer.from(content),
      assignment: typeUrl === CDS ? name : undefined,
    })),
  );
  return buildSnapshot(entries);
}

const MESH: Contents = {
  cds: { a: "a1", b: "b1" },
  eds: { a: "ea1", b: "eb1" },
  lds: { out: "l1" },
  rds: { table: "r1" },
};

describe("a state-of-the-world server stream", () => {
  let clock: FakeClock;
  let stream: ServerStream;
  let last: Map<string, StreamResponse>;

  beforeEach(() => open(MESH));

  function open(contents: Contents): void {
    clock = new FakeClock();
    stream = new ServerStream(snapshot(contents), clock);
    last = new Map();
  }

  function ask(typeUrl: string, names: string[], nonce = "", error?: string): Outcome {
    return stream.onRequest({ typeUrl, names, nonce, error });
  }

  /** Everything that is due now, as `type:name,name`. */
  function sent(): string[] {
    const lines: string[] = [];
    for (let response = stream.next(); response; response = stream.next()) {
      last.set(response.typeUrl, response);
      const names = response.resources.map((resource) => resource.name).sort();
      lines.push(`${SHORT.get(response.typeUrl)}:${names.join(",")}`);
    }
    return lines;
  }

  const nonce = (typeUrl: ServedTypeUrl) => last.get(typeUrl)!.nonce;
  const ack = (typeUrl: ServedTypeUrl, names: string[] = []) => ask(typeUrl, names, nonce(typeUrl)).kind;
  const nack = (typeUrl: ServedTypeUrl, names: string[] = []) =>
    ask(typeUrl, names, nonce(typeUrl), "no").kind;

  /** A client that holds the whole mesh and has accepted it. */
  function settle(): void {
    ask(CDS, []);
    ask(EDS, ["a", "b"]);
    ask(LDS, []);
    ask(RDS, ["table"]);
    sent();
    ack(CDS);
    ack(EDS, ["a", "b"]);
    ack(LDS);
    ack(RDS, ["table"]);
    assert.deepEqual(sent(), []);
  }

  describe("subscribing", () => {
    it("answers an empty first list of clusters with all of them", () => {
      ask(CDS, []);
      assert.deepEqual(sent(), ["cds:a,b"]);
    });

    it("answers a wildcard on an empty mesh with an empty response, once", () => {
      open({});
      ask(CDS, []);
      assert.deepEqual(sent(), ["cds:"]);
      ack(CDS);
      assert.deepEqual(sent(), []);
    });

    it("reads an empty list as nothing once a name was sent", () => {
      ask(CDS, ["a"]);
      assert.deepEqual(sent(), ["cds:a"]);
      ack(CDS, []);
      assert.deepEqual(sent(), []);
      stream.onSnapshot(snapshot({ ...MESH, cds: { a: "a2", b: "b2" } }));
      assert.deepEqual(sent(), []);
    });

    it("takes an explicit wildcard next to names, and after names", () => {
      ask(CDS, ["a"]);
      sent();
      ack(CDS, ["*", "a"]);
      assert.deepEqual(sent(), ["cds:a,b"]);
    });

    it("never reads an empty list of endpoints as all", () => {
      ask(EDS, []);
      assert.deepEqual(sent(), []);
      ask(EDS, ["*"]);
      assert.deepEqual(sent(), []);
    });

    it("sends a newly named resource although it was sent through the wildcard", () => {
      ask(CDS, []);
      sent();
      ack(CDS, ["*", "a"]);
      assert.deepEqual(sent(), ["cds:a,b"]);
    });

    it("sends a resource again that was unsubscribed and named again", () => {
      ask(EDS, ["a", "b"]);
      assert.deepEqual(sent(), ["eds:a,b"]);
      ack(EDS, ["b"]);
      assert.deepEqual(sent(), []);
      ask(EDS, ["a", "b"], nonce(EDS));
      assert.deepEqual(sent(), ["eds:a"]);
    });

    it("keeps names that do not exist yet and sends them when they appear", () => {
      ask(EDS, ["later"]);
      assert.deepEqual(sent(), []);
      stream.onSnapshot(snapshot({ ...MESH, eds: { ...MESH.eds, later: "x" } }));
      assert.deepEqual(sent(), ["eds:later"]);
    });

    it("answers only the newest of several lists", () => {
      ask(EDS, ["a"]);
      ask(EDS, ["b"]);
      assert.deepEqual(sent(), ["eds:b"]);
    });

    it("keeps the watch of an unknown type open and answers nothing", () => {
      assert.equal(ask("type.googleapis.com/some.Other", ["x"]).kind, "unknown_type");
      assert.deepEqual(sent(), []);
      assert.deepEqual(stream.status().unknownTypes, ["type.googleapis.com/some.Other"]);
    });

    it("refuses a request without a type", () => {
      const outcome = ask("", []);
      assert.equal(outcome.kind === "refused" && outcome.status, "INVALID_ARGUMENT");
    });

    it("refuses more names than its bound", () => {
      stream = new ServerStream(snapshot(MESH), clock, { maxNames: 2, orderWaitMs: 1 });
      const outcome = ask(EDS, ["a", "b", "c"]);
      assert.equal(outcome.kind === "refused" && outcome.status, "RESOURCE_EXHAUSTED");
    });
  });

  describe("answers", () => {
    it("ignores a request with a stale nonce", () => {
      settle();
      stream.onSnapshot(snapshot({ ...MESH, eds: { a: "ea2", b: "eb2" } }));
      const old = nonce(EDS);
      assert.deepEqual(sent(), ["eds:a,b"]);
      assert.equal(ask(EDS, [], old).kind, "stale");
      assert.equal(ack(EDS, ["a", "b"]), "ack");
    });

    it("takes a nonce of an earlier stream on the first request", () => {
      assert.equal(ask(EDS, ["a"], "41").kind, "subscribe");
      assert.deepEqual(sent(), ["eds:a"]);
    });

    it("never sends rejected content again, until it changes", () => {
      ask(CDS, []);
      sent();
      assert.equal(nack(CDS), "nack");
      assert.deepEqual(sent(), []);
      stream.onSnapshot(snapshot(MESH));
      assert.deepEqual(sent(), []);
      assert.equal(stream.status().types[CDS]?.rejected?.reason, "no");
      stream.onSnapshot(snapshot({ ...MESH, cds: { a: "a2", b: "b1" } }));
      assert.deepEqual(sent(), ["cds:a,b"]);
      ack(CDS);
      assert.equal(stream.status().types[CDS]?.rejected, undefined);
    });

    it("takes a rejection once, and none of what was not sent", () => {
      assert.equal(ask(CDS, [], "", "no").kind, "subscribe");
      sent();
      assert.equal(nack(CDS), "nack");
      assert.equal(nack(CDS), "subscribe");
      assert.equal(ask(CDS, [], "", "no").kind, "subscribe");
    });

    it("takes a rejection that comes after the names were changed with the same nonce", () => {
      ask(EDS, ["a"]);
      sent();
      assert.equal(ack(EDS, ["a", "b"]), "ack");
      assert.equal(nack(EDS, ["a", "b"]), "nack");
      assert.equal(stream.status().types[EDS]?.rejected?.reason, "no");
    });

    it("sends newly named resources after a rejection", () => {
      ask(EDS, ["a"]);
      sent();
      nack(EDS, ["a"]);
      ask(EDS, ["a", "b"], nonce(EDS));
      assert.deepEqual(sent(), ["eds:b"]);
    });

    it("has at most one response per type under way and then sends the newest", () => {
      ask(EDS, ["a"]);
      sent();
      for (let i = 2; i < 50; i++) {
        stream.onSnapshot(snapshot({ ...MESH, eds: { a: `ea${i}` } }));
        assert.deepEqual(sent(), []);
      }
      ack(EDS, ["a"]);
      assert.deepEqual(sent(), ["eds:a"]);
      assert.equal(last.get(EDS)?.resources[0]?.bytes.toString(), "ea49");
    });

    it("does not send what was unsubscribed while it waited", () => {
      ask(EDS, ["a", "b"]);
      sent();
      stream.onSnapshot(snapshot({ ...MESH, eds: { a: "ea2", b: "eb2" } }));
      ack(EDS, ["b"]);
      assert.deepEqual(sent(), ["eds:b"]);
    });
  });

  describe("changes", () => {
    beforeEach(settle);

    it("sends nothing when the content is the same", () => {
      stream.onSnapshot(snapshot(structuredClone(MESH)));
      assert.deepEqual(sent(), []);
    });

    it("sends only the changed endpoints but always all clusters", () => {
      stream.onSnapshot(snapshot({ ...MESH, cds: { ...MESH.cds, c: "c1" }, eds: { ...MESH.eds, b: "eb2" } }));
      assert.deepEqual(sent(), ["cds:a,b,c", "eds:b"]);
    });

    it("goes out in the order clusters, endpoints, listeners, routes", () => {
      stream.onSnapshot(
        snapshot({
          cds: { a: "a2", b: "b1" },
          eds: { a: "ea2", b: "eb1" },
          lds: { out: "l2" },
          rds: { table: "r2" },
        }),
      );
      assert.deepEqual(sent(), ["cds:a,b", "eds:a", "lds:out", "rds:table"]);
    });

    it("sends endpoints while clusters are not accepted yet", () => {
      stream.onSnapshot(snapshot({ ...MESH, cds: { ...MESH.cds, c: "c1" }, eds: { ...MESH.eds, c: "ec1" } }));
      assert.deepEqual(sent(), ["cds:a,b,c"]);
      ask(EDS, ["a", "b", "c"], nonce(EDS));
      assert.deepEqual(sent(), ["eds:c"]);
    });

    it("answers the request for a changed cluster's endpoints although names and nonce are the same", () => {
      stream.onSnapshot(snapshot({ ...MESH, cds: { a: "a2", b: "b1" } }));
      assert.deepEqual(sent(), ["cds:a,b"]);
      ask(EDS, ["a", "b"], nonce(EDS));
      assert.deepEqual(sent(), ["eds:a"]);
      ack(EDS, ["a", "b"]);
      assert.deepEqual(sent(), []);
    });

    it("deletes a listener at once by leaving it out", () => {
      stream.onSnapshot(snapshot({ ...MESH, lds: {} }));
      assert.deepEqual(sent(), ["lds:"]);
    });

    it("holds routes back while the clusters they may name cannot go out, for a bounded time", () => {
      stream.onSnapshot(snapshot({ ...MESH, cds: { ...MESH.cds, c: "c1" } }));
      assert.deepEqual(sent(), ["cds:a,b,c"]);
      stream.onSnapshot(
        snapshot({ ...MESH, cds: { ...MESH.cds, c: "c1", d: "d1" }, rds: { table: "to d" } }),
      );
      assert.deepEqual(sent(), []);
      assert.equal(stream.wakeAt(), 5_000);
      clock.advance(5_000);
      assert.deepEqual(sent(), ["rds:table"]);
      assert.equal(stream.wakeAt(), undefined);
      ack(CDS);
      assert.deepEqual(sent(), ["cds:a,b,c,d"]);
    });
  });

  describe("removing a cluster", () => {
    const WITHOUT_B: Contents = {
      cds: { a: "a1" },
      eds: { a: "ea1" },
      lds: { out: "l1" },
      rds: { table: "without b" },
    };
    beforeEach(settle);

    it("takes it away after the routes without it were accepted", () => {
      stream.onSnapshot(snapshot(WITHOUT_B));
      assert.deepEqual(sent(), ["rds:table"]);
      ack(RDS, ["table"]);
      assert.deepEqual(sent(), ["cds:a"]);
      assert.equal(stream.wakeAt(), undefined);
    });

    it("sends it along with clusters that are new, under a version of its own", () => {
      stream.onSnapshot(snapshot({ ...WITHOUT_B, cds: { a: "a1", c: "c1" } }));
      assert.deepEqual(sent(), ["cds:a,b,c", "rds:table"]);
      const union = last.get(CDS)!.version;
      ack(CDS);
      ack(RDS, ["table"]);
      assert.deepEqual(sent(), ["cds:a,c"]);
      assert.notEqual(last.get(CDS)!.version, union);
    });

    it("takes it away after a bounded wait when the routes are rejected", () => {
      stream.onSnapshot(snapshot(WITHOUT_B));
      sent();
      nack(RDS, ["table"]);
      assert.deepEqual(sent(), []);
      assert.equal(stream.wakeAt(), 5_000);
      clock.advance(5_000);
      assert.deepEqual(sent(), ["cds:a"]);
    });

    it("takes it away after a bounded wait when the routes are never answered", () => {
      stream.onSnapshot(snapshot(WITHOUT_B));
      sent();
      clock.advance(4_999);
      assert.deepEqual(sent(), []);
      clock.advance(1);
      assert.deepEqual(sent(), ["cds:a"]);
    });

    it("keeps it when it comes back in between", () => {
      stream.onSnapshot(snapshot(WITHOUT_B));
      sent();
      stream.onSnapshot(snapshot(MESH));
      ack(RDS, ["table"]);
      assert.deepEqual(sent(), ["rds:table"]);
      ack(RDS, ["table"]);
      clock.advance(10_000);
      assert.deepEqual(sent(), []);
    });

    it("takes it away at once from a client that follows no routes", () => {
      open(MESH);
      ask(CDS, []);
      sent();
      ack(CDS);
      stream.onSnapshot(snapshot(WITHOUT_B));
      assert.deepEqual(sent(), ["cds:a"]);
    });
  });
});
