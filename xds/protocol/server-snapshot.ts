import { createHash } from "node:crypto";

/** The resource types that the control server serves, named as on the wire. */
export const CDS = "type.googleapis.com/envoy.config.cluster.v3.Cluster" as const;
export const EDS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment" as const;
export const LDS = "type.googleapis.com/envoy.config.listener.v3.Listener" as const;
export const RDS = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration" as const;

/**
 * In the order in which one change must reach a client, so that nothing is referred to before it is there (xDS protocol,
 * "Eventual consistency considerations"). The order matters.
 */
export const SERVED_TYPES = [CDS, EDS, LDS, RDS] as const;
export type ServedTypeUrl = (typeof SERVED_TYPES)[number];

/** The short names that people and logs use. */
export const SHORT_NAMES: ReadonlyMap<string, string> = new Map([
  [CDS, "cds"],
  [EDS, "eds"],
  [LDS, "lds"],
  [RDS, "rds"],
]);

export interface ServedResource {
  readonly name: string;
  /** Hash of the content. */
  readonly version: string;
  /** The message, serialised once for all streams. */
  readonly bytes: Uint8Array;
  /** For a cluster that takes its endpoints by EDS: the name of its assignment. */
  readonly assignment: string | undefined;
}

export interface ServedType {
  /** Hash of all names and versions: equal content has an equal version on every replica and after every restart. */
  readonly version: string;
  readonly resources: ReadonlyMap<string, ServedResource>;
}

/** Everything there is to serve, immutable and replaced as a whole. */
export interface Snapshot {
  readonly version: string;
  readonly types: ReadonlyMap<ServedTypeUrl, ServedType>;
}

/** One resource as it comes from a source, its content not yet hashed. */
export interface SnapshotEntry {
  readonly typeUrl: ServedTypeUrl;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly assignment?: string | undefined;
}

/** Builds the snapshot of these resources; names must be unique within their type. */
export function buildSnapshot(entries: Iterable<SnapshotEntry>): Snapshot {
  const byType = new Map<ServedTypeUrl, Map<string, ServedResource>>(
    SERVED_TYPES.map((type) => [type, new Map()]),
  );
  for (const { typeUrl, name, bytes, assignment } of entries) {
    byType.get(typeUrl)!.set(name, { name, version: contentHash([bytes]), bytes, assignment });
  }
  const types = new Map<ServedTypeUrl, ServedType>();
  for (const [typeUrl, resources] of byType) {
    const lines = [...resources.values()].map(({ name, version }) => JSON.stringify([name, version]));
    types.set(typeUrl, { version: contentHash(lines.sort()), resources });
  }
  return { version: contentHash([...types.values()].map((type) => `${type.version}\n`)), types };
}

/** Names of resources of one type. */
export interface SnapshotChange {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** How one snapshot differs from the one before, by short type name; types without a difference are left out. */
export function compareSnapshots(before: Snapshot, after: Snapshot): Record<string, SnapshotChange> {
  const changes: Record<string, SnapshotChange> = {};
  for (const typeUrl of SERVED_TYPES) {
    const old = before.types.get(typeUrl)?.resources ?? new Map<string, ServedResource>();
    const now = after.types.get(typeUrl)?.resources ?? new Map<string, ServedResource>();
    const added = [...now.keys()].filter((name) => !old.has(name));
    const removed = [...old.keys()].filter((name) => !now.has(name));
    const changed = [...now.keys()].filter(
      (name) => old.has(name) && old.get(name)?.version !== now.get(name)?.version,
    );
    if (added.length + changed.length + removed.length === 0) continue;
    changes[SHORT_NAMES.get(typeUrl)!] = { added, changed, removed };
  }
  return changes;
}

/** 64 bits of SHA-256 in hex: short enough to read aloud; a clash would only delay an update until the next change. */
function contentHash(parts: Iterable<string | Uint8Array>): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 16);
}
