import {
  type Http1ProtocolOptions,
  Http1ProtocolOptionsSchema,
} from "../proto/gen/envoy/config/core/v3/protocol_pb.js";
import { openAny } from "./any-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import type { Scope } from "./scope.ts";

/** What the reference page says of the fields that hold them. */
export const HTTP1_OPTIONS = "see `Http1ProtocolOptions`";

const check = fieldCheck(Http1ProtocolOptionsSchema, {
  honoured: [],
  partly: {
    allow_absolute_url: "only `true`; `false` gives a warning",
    header_key_format: "`preserve_case` is what happens anyway; others give a warning",
  },
  harmless: [
    "accept_http_10",
    "enable_trailers",
    "override_stream_error_on_invalid_http_message",
    "use_balsa_parser",
    "allow_custom_methods",
  ],
});

/** Names pass as they came, which is what this formatter of Envoy's is for. */
const PRESERVES_CASE = "envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig";

/** The codec has one way to do things, and most of these options ask for it; of the others it is told. */
export function checkHttp1Options(scope: Scope, options: Http1ProtocolOptions | undefined): void {
  if (options === undefined) return;
  check(scope, options);
  if (options.allowAbsoluteUrl === false)
    scope.at("allow_absolute_url").warn("is not followed: callers may use the sidecar as an HTTP proxy");
  const format = options.headerKeyFormat?.headerFormat;
  if (format?.case === undefined) return;
  const place = scope.at("header_key_format");
  if (format.case === "statefulFormatter") {
    const content = openAny(place.at("stateful_formatter").at("typed_config"), format.value.typedConfig);
    if (content === undefined || content.type === PRESERVES_CASE) return;
  }
  place.warn("is not followed: field names pass as they came");
}
