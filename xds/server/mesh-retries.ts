import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { describe, Fields } from "../common/fields.ts";
import type { Problems } from "../common/problem.ts";
import { RETRY_ON } from "../model/route-table.ts";
import { defined, durationJson } from "./mesh-draft.ts";

/** Only what is certain to have reached no upstream is retried unless the file says more. */
const SAFE_TO_RETRY = ["connect-failure", "refused-stream", "reset-before-request"];

/** `retries: 2`, or a mapping that says on what, how often and how fast. */
export function readRetries(fields: Fields, problems: Problems): JsonObject | undefined {
  const raw = fields.raw("retries");
  if (raw === undefined) return undefined;
  const retries = Fields.ofShort(raw, "max", fields.at("retries"), problems);
  const on = retries.strings("on", 32) ?? SAFE_TO_RETRY;
  for (const word of on) {
    if (!RETRY_ON.some((known) => known === word)) {
      retries.error("on", `must be some of ${RETRY_ON.join(", ")}, not ${describe(word)}`);
    }
  }
  const perTry = retries.duration("per_try_timeout");
  const base = retries.duration("backoff", { min: 1, max: 60_000 });
  const max = retries.duration("max_backoff", { min: 1, max: 600_000 });
  if (max !== undefined && max < (base ?? 25))
    retries.error("max_backoff", 'must not be shorter than "backoff"');
  const statusCodes: JsonValue[] | undefined = retries.list("status_codes", 64)?.map(({ value, path }) => {
    if (Number.isInteger(value) && Number(value) >= 100 && Number(value) <= 599) return Number(value);
    problems.error(path, `must be a status from 100 to 599, not ${describe(value)}`);
    return 503;
  });
  const json = defined({
    retry_on: [
      ...on,
      ...(statusCodes && !on.includes("retriable-status-codes") ? ["retriable-status-codes"] : []),
    ].join(","),
    num_retries: retries.integer("max", { min: 0, max: 100 }),
    per_try_timeout: perTry === undefined ? undefined : durationJson(perTry),
    retry_back_off:
      base === undefined && max === undefined
        ? undefined
        : defined({
            base_interval: durationJson(base ?? 25),
            max_interval: max === undefined ? undefined : durationJson(max),
          }),
    retriable_status_codes: statusCodes,
    retry_host_predicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        },
      },
    ],
    host_selection_retry_max_attempts: "3",
  });
  retries.close();
  return json;
}
