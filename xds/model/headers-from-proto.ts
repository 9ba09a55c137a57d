import { describe } from "../common/fields.ts";
import {
  HeaderValueOption_HeaderAppendAction as Action,
  type HeaderValueOption,
} from "../proto/gen/envoy/config/core/v3/base_pb.js";
import { parseFormat } from "./header-format.ts";
import { headerNameOf } from "./header-match-from-proto.ts";
import type { FormatPiece, HeaderAddition, HeaderMutations } from "./route-table.ts";
import { textOf, wordOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";

export const NO_MUTATIONS: HeaderMutations = Object.freeze({
  remove: Object.freeze([]),
  add: Object.freeze([]),
});

/**
 * Fields that steer the message itself: its target, its framing, its connection, what the proxy agrees with its peers. Changing
 * them would let a route smuggle or split messages, so they are refused here and reach no route table (RFC 9110, 7.6.1 and
 * 10.1.1; Envoy refuses `host` and pseudo headers).
 */
const UNTOUCHABLE: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "proxy-connection",
  "keep-alive",
  "te",
  "trailer",
  "upgrade",
  "http2-settings",
  "expect",
]);

// RFC 9110 5.5: none of these may stand in a field value.
const LINE_BREAKING = /[\r\n\0]/;

interface Mutable {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

/** The names of the fields that `headerMutationsOf` reads. */
export const MUTATION_FIELDS = [
  "request_headers_to_add",
  "request_headers_to_remove",
  "response_headers_to_add",
  "response_headers_to_remove",
] as const;

export function headerMutationsOf(scope: Scope, message: Mutable) {
  return {
    requestHeaders: mutationsOf(
      scope,
      "request",
      message.requestHeadersToAdd,
      message.requestHeadersToRemove,
    ),
    responseHeaders: mutationsOf(
      scope,
      "response",
      message.responseHeadersToAdd,
      message.responseHeadersToRemove,
    ),
  };
}

function mutationsOf(
  scope: Scope,
  side: "request" | "response",
  add: readonly HeaderValueOption[],
  remove: readonly string[],
): HeaderMutations {
  if (add.length === 0 && remove.length === 0) return NO_MUTATIONS;
  return {
    add: additionsOf(scope.at(`${side}_headers_to_add`), add),
    remove: removalsOf(scope.at(`${side}_headers_to_remove`), remove),
  };
}

export function additionsOf(scope: Scope, options: readonly HeaderValueOption[]): readonly HeaderAddition[] {
  return options
    .map((option, index) => additionOf(scope.at(index), option))
    .filter((addition) => addition !== undefined);
}

function removalsOf(scope: Scope, names: readonly string[]): readonly string[] {
  return names.map((name, index) => touchable(scope.at(index), headerNameOf(scope, index, name)));
}

function additionOf(scope: Scope, option: HeaderValueOption): HeaderAddition | undefined {
  const { header } = option;
  const place = scope.at("header");
  if (header === undefined) {
    place.error("is required");
    return undefined;
  }
  const name = touchable(place.at("key"), headerNameOf(place, "key", header.key));
  const value = headerValueOf(place, header.value, header.rawValue);
  if (value === undefined) return undefined;
  return { name, value, action: actionOf(scope, option), keepEmpty: option.keepEmptyValue };
}

function touchable(scope: Scope, name: string): string {
  if (name.startsWith(":") || UNTOUCHABLE.has(name))
    scope.error(`must not name ${describe(name)}, which steers the message itself`);
  return name;
}

function headerValueOf(scope: Scope, value: string, raw: Uint8Array): readonly FormatPiece[] | undefined {
  const field = raw.length > 0 ? "raw_value" : "value";
  const text = textOf(scope, field, raw.length > 0 ? Buffer.from(raw).toString("latin1") : value);
  if (LINE_BREAKING.test(text)) {
    scope.at(field).error("must not hold CR, LF or NUL");
    return undefined;
  }
  if (raw.length > 0) return [{ kind: "text", text }];
  const format = parseFormat(text);
  if (format.ok) return format.pieces;
  scope.at(field).error(format.reason);
  return undefined;
}

const ACTIONS = ["append", "add_if_absent", "overwrite", "overwrite_if_present"] as const;

/** The deprecated `append` still rules where it is set: true appends, false overwrites. */
function actionOf(scope: Scope, option: HeaderValueOption): HeaderAddition["action"] {
  const action = wordOf(scope, "append_action", option.appendAction, ACTIONS);
  if (option.append === undefined) return action;
  if (option.appendAction !== Action.APPEND_IF_EXISTS_OR_ADD) {
    scope.at("append").error("cannot stand beside append_action: only one of them may be set");
  }
  return option.append ? "append" : "overwrite";
}
