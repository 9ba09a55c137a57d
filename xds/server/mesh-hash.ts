import type { JsonObject } from "@bufbuild/protobuf";
import { childPath } from "../common/field-path.ts";
import { Fields, type Item, isMapping } from "../common/fields.ts";
import type { Problems } from "../common/problem.ts";
import { defined, durationJson } from "./mesh-draft.ts";

const MAX_KEYS = 16;
const KINDS = ["header", "cookie", "query", "source_address"] as const;

/** `hash_on: [{ header: x-user }]`: what keeps like requests on one endpoint, as a route's hash policies. */
export function readHashOn(fields: Fields, problems: Problems): JsonObject[] | undefined {
  return fields.list("hash_on", MAX_KEYS)?.map((item) => readKey(item, problems));
}

function readKey({ value, path }: Item, problems: Problems): JsonObject {
  const key = Fields.of(value, path, problems);
  if (!key) return {};
  const header = key.nonEmptyString("header", 256);
  const cookie = key.nonEmptyString("cookie", 256);
  const query = key.nonEmptyString("query", 256);
  const sourceAddress = key.boolean("source_address");
  const ttl = key.duration("ttl");
  const cookiePath = key.string("path");
  const terminal = key.boolean("terminal");
  const kinds = KINDS.filter((kind) => key.has(kind));
  if (kinds.length !== 1) problems.error(path, `needs exactly one of ${KINDS.join(", ")}`);
  for (const only of ["ttl", "path"] as const) {
    if (key.has(only) && !key.has("cookie")) key.error(only, 'goes with "cookie"');
  }
  key.close();
  return defined({
    header: header === undefined ? undefined : { header_name: header },
    cookie:
      cookie === undefined
        ? undefined
        : defined({ name: cookie, ttl: ttl === undefined ? undefined : durationJson(ttl), path: cookiePath }),
    query_parameter: query === undefined ? undefined : { name: query },
    connection_properties: sourceAddress === undefined ? undefined : { source_ip: sourceAddress },
    terminal,
  });
}

const HASH_POLICIES: readonly unknown[] = ["ring_hash", "maglev"];

/** Warns of services that are balanced by a hash which no request has: each would go anywhere. `elsewhere`: other routes may give one. */
export function checkHashed(services: readonly Item[], elsewhere: boolean, problems: Problems): void {
  const has = (part: unknown) => isMapping(part) && "hash_on" in part;
  const given = ({ value }: Item) => has(value) || routesOf(value).some(has);
  if (elsewhere || services.some(given)) return;
  for (const { value, path } of services) {
    const name = policyOf(value);
    if (HASH_POLICIES.includes(name))
      problems.warn(childPath(path, "policy"), `${name} needs "hash_on", or each request goes anywhere`);
  }
}

function routesOf(service: unknown): readonly unknown[] {
  if (!isMapping(service)) return [];
  const { routes } = service;
  return Array.isArray(routes) ? routes : [];
}

function policyOf(service: unknown): unknown {
  if (!isMapping(service)) return undefined;
  const { policy } = service;
  if (!isMapping(policy)) return policy;
  const { name } = policy;
  return name;
}
