import { didYouMean } from "../common/nearest-name.ts";
import type { FormatOperator, FormatPiece } from "./route-table.ts";

/** What stands in the parentheses of each supported operator, by Envoy's names (substitution formatter documentation). */
const OPERATORS: ReadonlyMap<string, "header" | "variable" | "nothing"> = new Map<
  FormatOperator,
  "header" | "variable" | "nothing"
>([
  ["REQ", "header"],
  ["ENVIRONMENT", "variable"],
  ["DOWNSTREAM_REMOTE_ADDRESS", "nothing"],
  ["DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "nothing"],
  ["DOWNSTREAM_LOCAL_ADDRESS", "nothing"],
  ["UPSTREAM_REMOTE_ADDRESS", "nothing"],
  ["UPSTREAM_CLUSTER", "nothing"],
  ["UPSTREAM_HOST", "nothing"],
  ["PROTOCOL", "nothing"],
  ["HOSTNAME", "nothing"],
  ["START_TIME", "nothing"],
  ["ROUTE_NAME", "nothing"],
  ["RESPONSE_FLAGS", "nothing"],
  ["REQUEST_ID", "nothing"],
]);

const LONGEST_SHOWN = 64;
const OPERATOR = /%(?:%|([A-Z][A-Z0-9_]*)(?:\(([^()%]*)\))?%)/y;
const HEADER = /^:?[!#$&'*+\-.^_`|~0-9A-Za-z]+$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

export type Format =
  | { readonly ok: true; readonly pieces: readonly FormatPiece[] }
  /** Why not, as the end of a sentence that starts with the field. */
  | { readonly ok: false; readonly reason: string };

/** Splits a header value into text and `%OPERATOR%`s; `%%` is a percent sign. */
export function parseFormat(value: string): Format {
  const pieces: FormatPiece[] = [];
  let text = "";
  let at = 0;
  while (at < value.length) {
    const percent = value.indexOf("%", at);
    if (percent < 0) break;
    text += value.slice(at, percent);
    OPERATOR.lastIndex = percent;
    const found = OPERATOR.exec(value);
    if (found === null)
      return refused(
        `has a "%" at position ${percent} that starts no operator; write "%%" for a percent sign`,
      );
    at = OPERATOR.lastIndex;
    const [, name, argument = ""] = found;
    if (name === undefined) {
      text += "%";
      continue;
    }
    const reason = operatorFault(name, argument);
    if (reason !== undefined) return refused(reason);
    if (text !== "") pieces.push({ kind: "text", text });
    text = "";
    pieces.push({
      kind: "operator",
      operator: name as FormatOperator,
      argument: name === "REQ" ? argument.toLowerCase() : argument,
    });
  }
  text += value.slice(at);
  if (text !== "") pieces.push({ kind: "text", text });
  return { ok: true, pieces };
}

function refused(reason: string): Format {
  return { ok: false, reason };
}

function operatorFault(name: string, argument: string): string | undefined {
  const wanted = OPERATORS.get(name);
  if (wanted === undefined) {
    const near = didYouMean(name, OPERATORS.keys());
    return `has the operator %${name.slice(0, LONGEST_SHOWN)}%, which is not supported${near || `; supported: ${[...OPERATORS.keys()].join(", ")}`}`;
  }
  if (wanted === "nothing")
    return argument === "" ? undefined : `has %${name}(...)%, which takes no argument here`;
  const pattern = wanted === "header" ? HEADER : VARIABLE;
  if (pattern.test(argument)) return undefined;
  return `has %${name}(...)%, which takes the name of one ${wanted === "header" ? "request header" : "environment variable"}`;
}
