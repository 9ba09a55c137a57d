import { withoutPort } from "../../xds/common/host-port.ts";
import type { FormatOperator, FormatPiece } from "../../xds/model/route-table.ts";
import { fieldValue } from "../codec/head.ts";
import { headerValue } from "./matching.ts";
import type { RequestContext } from "./request-context.ts";

/** What does not change while the process lives. */
export interface FormatEnvironment {
  readonly hostname: string;
  /** An environment variable; undefined: not set. */
  variable(name: string): string | undefined;
}

/** A header's value: a constant, or made per request. */
export type Format = string | ((context: RequestContext) => string);

const PROTOCOLS = ["HTTP/1.0", "HTTP/1.1", "HTTP/2"] as const;

/** `NAME`, or `NAME?OTHER`: OTHER stands in where NAME is absent. Of several lines the first, as in Envoy. */
function requestHeader(argument: string): (context: RequestContext) => string {
  const names = argument.toLowerCase().split("?");
  return ({ head }) => {
    for (const name of names) {
      const value =
        name.startsWith(":") || name === "host" ? headerValue(head, name) : fieldValue(head.fields, name);
      if (value !== undefined) return value;
    }
    return "";
  };
}

function compileOperator(operator: FormatOperator, argument: string, environment: FormatEnvironment): Format {
  switch (operator) {
    case "REQ":
      return requestHeader(argument);
    case "DOWNSTREAM_REMOTE_ADDRESS":
      return (context) => context.remoteAddress;
    case "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT":
      return (context) => withoutPort(context.remoteAddress);
    case "DOWNSTREAM_LOCAL_ADDRESS":
      return (context) => context.localAddress;
    case "UPSTREAM_REMOTE_ADDRESS":
      return (context) => context.upstreamAddress;
    case "UPSTREAM_CLUSTER":
      return (context) => context.cluster;
    case "UPSTREAM_HOST":
      return (context) => context.upstreamHost;
    case "PROTOCOL":
      return (context) => PROTOCOLS[context.head.version];
    case "HOSTNAME":
      return environment.hostname;
    case "START_TIME":
      return (context) => new Date(context.startedAtWall).toISOString();
    case "ROUTE_NAME":
      return (context) => context.routeName;
    case "RESPONSE_FLAGS":
      return (context) => context.responseFlags || "-";
    case "REQUEST_ID":
      return (context) => context.requestId;
    case "ENVIRONMENT":
      return environment.variable(argument) ?? "";
  }
}

/** Operators that know nothing give an empty text. */
export function compileFormat(pieces: readonly FormatPiece[], environment: FormatEnvironment): Format {
  const parts = pieces.map((piece) =>
    piece.kind === "text" ? piece.text : compileOperator(piece.operator, piece.argument, environment),
  );
  if (parts.every((part) => typeof part === "string")) return parts.join("");
  if (parts.length === 1) return parts[0] as Format;
  return (context) => {
    let text = "";
    for (const part of parts) text += typeof part === "string" ? part : part(context);
    return text;
  };
}
