import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  buildSnapshot,
  CDS,
  compareSnapshots,
  EDS,
  type SnapshotEntry,
} from "../../../xds/protocol/server-snapshot.ts";

const cluster = (name: string, content: string): SnapshotEntry => ({
  typeUrl: CDS,
  name,
  bytes: Buffer.from(content),
});
const A = cluster("a", "1");
const B = cluster("b", "1");

describe("a snapshot", () => {
  it("has the same version whatever the order of its resources", () => {
    assert.equal(buildSnapshot([A, B]).version, buildSnapshot([B, A]).version);
  });

  it("has another version when a name, a content or a type differs", () => {
    const versions = [
      buildSnapshot([]),
      buildSnapshot([A]),
      buildSnapshot([B]),
      buildSnapshot([A, B]),
      buildSnapshot([cluster("a", "2")]),
      buildSnapshot([{ ...A, typeUrl: EDS }]),
    ].map(({ version }) => version);
    assert.equal(new Set(versions).size, versions.length);
  });

  it("changes the version only of the types that change", () => {
    const before = buildSnapshot([A]);
    const after = buildSnapshot([A, { ...A, typeUrl: EDS }]);
    assert.equal(before.types.get(CDS)?.version, after.types.get(CDS)?.version);
    assert.notEqual(before.types.get(EDS)?.version, after.types.get(EDS)?.version);
  });

  it("is compared with the one before by what was added, changed and removed", () => {
    assert.deepEqual(
      compareSnapshots(buildSnapshot([A, B]), buildSnapshot([cluster("b", "2"), cluster("c", "1")])),
      {
        cds: { added: ["c"], changed: ["b"], removed: ["a"] },
      },
    );
    assert.deepEqual(compareSnapshots(buildSnapshot([A, B]), buildSnapshot([B, A])), {});
  });
});
