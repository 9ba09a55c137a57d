import type { JsonObject } from "@bufbuild/protobuf";
import { childPath } from "../common/field-path.ts";
import { describe, Fields, type Item, isMapping } from "../common/fields.ts";
import { didYouMean } from "../common/nearest-name.ts";
import type { Problems } from "../common/problem.ts";
import { CDS, RDS, SERVED_TYPES } from "../protocol/server-snapshot.ts";
import { readCluster } from "./mesh-cluster.ts";
import type { Draft, Part } from "./mesh-draft.ts";
import { checkHashed } from "./mesh-hash.ts";
import { defaultListener, readListener } from "./mesh-listener.ts";
import { readVirtualHost } from "./mesh-routes.ts";

/** Keys by which the other kind of file is told. */
const BOOTSTRAP_KEYS = ["static_resources", "dynamic_resources", "node", "admin"];

const MAX_SERVICES = 10_000;
const MAX_LISTENERS = 1_000;
const MAX_RESOURCES = 100_000;

/**
 * Reads the mesh file: `services`, `listeners` and raw `resources`, and makes Envoy resources of them. The drafts are still to be
 * checked as what they are; problems found here are about the file's own words. An empty file is refused: it is what a program that
 * is just writing a new one leaves for a moment, and would take every service away.
 */
export function readMesh(value: unknown, problems: Problems): Draft[] {
  if (isMapping(value) && BOOTSTRAP_KEYS.some((key) => key in value)) {
    problems.error("", "is an Envoy bootstrap, which `dashpot sidecar` takes; a mesh file has services");
    return [];
  }
  if (value === null || value === undefined) {
    problems.error("", "holds nothing; `services: []` says that there are no services");
    return [];
  }
  const mesh = Fields.of(value, "", problems);
  if (!mesh) return [];
  const services = mesh.list("services", MAX_SERVICES) ?? [];
  const listeners = mesh.list("listeners", MAX_LISTENERS);
  const raw = (mesh.list("resources", MAX_RESOURCES) ?? []).flatMap((item) => readResource(item, problems));
  mesh.close();

  const targets = new Set(
    [
      ...services.filter(({ value }) => isMapping(value) && "endpoints" in value),
      ...raw.filter(isCluster),
    ].map(nameOf),
  );
  const drafts = raw.map(({ draft }) => draft);
  const hosts = new Map<string, Part>();
  for (const item of services) drafts.push(...readService(item, hosts, targets, problems));
  if (listeners) {
    for (const item of listeners) drafts.push(...readListener(item, hosts, problems));
  } else if (hosts.size > 0) {
    drafts.push(...defaultListener(hosts));
  }
  checkHashed(
    services,
    raw.some(({ draft }) => draft.typeUrl === RDS),
    problems,
  );
  return drafts;
}

/** A service's own resources; its virtual host is put into `hosts` for the listeners. */
function readService(
  item: Item,
  hosts: Map<string, Part>,
  targets: ReadonlySet<string>,
  problems: Problems,
): Draft[] {
  const fields = Fields.of(item.value, item.path, problems);
  if (!fields) return [];
  const name = fields.required("name") ? fields.nonEmptyString("name", 255) : undefined;
  if (name !== undefined && hosts.has(name))
    fields.error("name", `a service named ${describe(name)} stands above`);
  const hasEndpoints = fields.has("endpoints");
  const service = name ?? item.path;
  const checkTarget = (target: string, path: string): void => {
    if (targets.has(target)) return;
    const near = didYouMean(target, targets);
    problems.error(path, `no service with endpoints and no cluster is named ${describe(target)}${near}`);
  };
  const drafts = readCluster(fields, service, problems);
  hosts.set(service, readVirtualHost(fields, { service, hasEndpoints, checkTarget, problems }));
  fields.close();
  return drafts;
}

interface RawResource extends Item {
  readonly draft: Draft;
}

/** An Envoy v3 resource as it stands, told by its `@type`. */
function readResource(item: Item, problems: Problems): RawResource[] {
  if (!isMapping(item.value)) {
    problems.error(item.path, `must be an Envoy v3 resource with "@type", not ${describe(item.value)}`);
    return [];
  }
  const { "@type": type, ...json } = item.value as JsonObject;
  const typeUrl = SERVED_TYPES.find((served) => served === type);
  if (!typeUrl) {
    const at = type === undefined ? item.path : childPath(item.path, "@type");
    const what = type === undefined ? '"@type" is missing' : `${describe(type)} is not served`;
    const near = typeof type === "string" ? didYouMean(type, SERVED_TYPES) : "";
    problems.error(at, `${what}${near}; served types: ${SERVED_TYPES.join(", ")}`);
    return [];
  }
  return [
    { ...item, draft: { typeUrl, json, origins: [{ inResource: "", inFile: item.path, sameShape: true }] } },
  ];
}

function isCluster({ draft }: RawResource): boolean {
  return draft.typeUrl === CDS;
}

function nameOf({ value }: Item): string {
  if (!isMapping(value)) return "";
  const { name } = value;
  return typeof name === "string" ? name : "";
}
