import type { JsonObject } from "@bufbuild/protobuf";
import { Fields, type Item } from "../common/fields.ts";
import type { Problems } from "../common/problem.ts";
import { defined, durationJson, type Origin, wrapped } from "./mesh-draft.ts";

export function readHealthChecks(service: Fields, origins: Origin[], problems: Problems) {
  const items = service.list("health_checks", 16);
  return items?.map((item, index) => {
    origins.push({ inResource: `health_checks[${index}]`, inFile: item.path });
    return readHealthCheck(item, problems);
  });
}

/** A check over HTTP (`path`), gRPC (`grpc`, the service's name or "") or by connecting (`tcp: true`). */
function readHealthCheck({ value, path }: Item, problems: Problems): JsonObject {
  const check = Fields.of(value, path, problems);
  if (!check) return {};
  const httpPath = check.nonEmptyString("path");
  const host = check.string("host", 255);
  const grpc = check.string("grpc", 255);
  const tcp = check.boolean("tcp");
  const statuses = check.list("expected_statuses", 32)?.map((status) => readStatuses(status, problems));
  if ([httpPath !== undefined, grpc !== undefined, tcp === true].filter(Boolean).length !== 1) {
    problems.error(path, 'needs exactly one of "path" (HTTP), "grpc" and "tcp: true"');
  }
  const json = defined({
    timeout: durationJson(check.duration("timeout", { min: 1, max: 3_600_000 }) ?? 1_000),
    interval: durationJson(check.duration("interval", { min: 1, max: 86_400_000 }) ?? 10_000),
    healthy_threshold: check.integer("healthy_threshold", { min: 1, max: 1_000 }) ?? 2,
    unhealthy_threshold: check.integer("unhealthy_threshold", { min: 1, max: 1_000 }) ?? 3,
    http_health_check: wrapped(httpPath, () =>
      defined({ path: httpPath, host, expected_statuses: statuses }),
    ),
    grpc_health_check: wrapped(grpc, (service_name) => ({ service_name })),
    tcp_health_check: tcp === true ? {} : undefined,
  });
  check.close();
  return json;
}

/** `204` or `200-299`, as the half-open range that Envoy writes. */
function readStatuses({ value, path }: Item, problems: Problems): JsonObject {
  const [from, to] = /^\d{3}(-\d{3})?$/.test(String(value)) ? String(value).split("-").map(Number) : [];
  if (from === undefined || (to !== undefined && to < from)) {
    problems.error(path, 'must be a status such as 204 or a range such as "200-299"');
    return { start: "200", end: "201" };
  }
  return { start: String(from), end: String((to ?? from) + 1) };
}
