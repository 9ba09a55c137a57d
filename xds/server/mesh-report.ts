import { describe, isMapping } from "../common/fields.ts";
import { Problems } from "../common/problem.ts";
import { type PlacedProblem, SourceText } from "../common/source-text.ts";
import type { Cluster } from "../model/cluster.ts";
import { CLUSTER } from "../model/cluster-from-proto.ts";
import type { ClusterLoadAssignment } from "../model/endpoint.ts";
import { CLUSTER_LOAD_ASSIGNMENT } from "../model/endpoints-from-proto.ts";
import type { Listener } from "../model/listener.ts";
import { LISTENER } from "../model/listener-from-proto.ts";
import { type ModelContext, type ResourceType, XDS_CONTEXT } from "../model/resource-type.ts";
import type { RouteTable } from "../model/route-table.ts";
import { ROUTE_CONFIGURATION } from "../model/routes-from-proto.ts";
import {
  buildSnapshot,
  CDS,
  EDS,
  LDS,
  RDS,
  type Snapshot,
  type SnapshotEntry,
} from "../protocol/server-snapshot.ts";
import { checkConsistency, type Named } from "./consistency.ts";
import { readMesh } from "./mesh.ts";
import { type Draft, originOf } from "./mesh-draft.ts";

/** What became of a mesh file: a snapshot to serve, or the errors that keep it from being served. */
export interface MeshReport {
  readonly file: string;
  /** In the order of the file. */
  readonly problems: readonly PlacedProblem[];
  /** The problems for a terminal: `file:line:col path: reason`, the line of the source and a caret under the place. */
  readonly lines: readonly string[];
  /** Undefined exactly when a problem is an error. */
  readonly snapshot: Snapshot | undefined;
}

/**
 * The sidecars read what they are sent by the same code, so a resource that passes here is accepted there. What each sidecar allows
 * of its own machine (certificate files, upstreams without a CA) is its own setting, and allowed here.
 */
const CONTEXT: ModelContext = {
  ...XDS_CONTEXT,
  allowUnverifiedUpstream: true,
  certificateDirectories: ["/"],
};

/** A file that is wrong throughout is told of by its beginning. */
const MAX_LINES = 200;

/** Checks a mesh file whole: syntax, the file's own words, every resource made of it, and what they say of each other. */
export function validateMesh(text: string, file: string): MeshReport {
  const source = new SourceText(text, file);
  if (source.syntax.length > 0) return report(source, source.syntax, undefined);
  const problems = new Problems();
  const drafts = readMesh(source.value, problems);
  const entries = checkDrafts(drafts, problems);
  const placed = problems.found.map((problem) => source.place(problem));
  return report(source, placed, problems.failed ? undefined : buildSnapshot(entries));
}

function report(
  source: SourceText,
  found: readonly PlacedProblem[],
  snapshot: Snapshot | undefined,
): MeshReport {
  // A service stands in every listener's routes, and would be told of once for each.
  const once = new Map(
    found.map((problem) => [`${problem.line}:${problem.column} ${problem.path}: ${problem.reason}`, problem]),
  );
  const problems = [...once.values()].sort((a, b) => a.line - b.line || a.column - b.column);
  const lines = problems.slice(0, MAX_LINES).map((problem) => source.render(problem));
  if (problems.length > MAX_LINES) lines.push(`and ${problems.length - MAX_LINES} more problems`);
  return { file: source.file, problems, lines, snapshot };
}

function checkDrafts(drafts: readonly Draft[], problems: Problems): SnapshotEntry[] {
  const entries: SnapshotEntry[] = [];
  const read = <T>(type: ResourceType<T>): Named<T>[] =>
    drafts.flatMap((draft) => {
      if (draft.typeUrl !== type.typeUrl) return [];
      const noteAt = reporter(draft, problems);
      const { name, value, problems: found } = type.fromJson(draft.json, CONTEXT);
      for (const { severity, path, reason } of found) noteAt(severity, path, reason);
      if (value === undefined) return [];
      const { bytes } = type.encode(draft.json);
      if (!bytes) return [];
      entries.push({ typeUrl: draft.typeUrl, name, bytes, assignment: assignmentOf(value) });
      return [{ name, value, report: noteAt }];
    });
  const set = {
    clusters: read<Cluster>(CLUSTER),
    assignments: read<ClusterLoadAssignment>(CLUSTER_LOAD_ASSIGNMENT),
    listeners: read<Listener>(LISTENER),
    routeTables: read<RouteTable>(ROUTE_CONFIGURATION),
  };
  // Names missing only because their own resource is wrong would drown the mistake that matters.
  if (!problems.failed) checkConsistency(set);
  return entries;
}

function assignmentOf(value: unknown): string | undefined {
  if (!isMapping(value) || !("discovery" in value)) return undefined;
  const { discovery, name } = value as unknown as Cluster;
  return discovery.kind === "eds" ? discovery.serviceName || name : undefined;
}

const SHORT = new Map<string, string>([
  [CDS, "cluster"],
  [EDS, "endpoint assignment"],
  [LDS, "listener"],
  [RDS, "route configuration"],
]);

/** Notes problems of a resource at the place in the file that it was made from. */
function reporter({ typeUrl, json, origins }: Draft, problems: Problems): Named<unknown>["report"] {
  return (severity, path, reason) => {
    const { path: inFile, foreign } = originOf(origins, path);
    const note = severity === "error" ? problems.error.bind(problems) : problems.warn.bind(problems);
    if (foreign === "") {
      note(inFile, reason);
      return;
    }
    const { name, cluster_name } = json;
    note(
      inFile,
      `${reason} (in the ${SHORT.get(typeUrl)} ${describe(name ?? cluster_name)} made from it, at ${foreign})`,
    );
  };
}
