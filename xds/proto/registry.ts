import type { Registry } from "@bufbuild/protobuf";
import { DESCRIPTORS } from "./file-descriptors.ts";

/**
 * Every message type that is known by name: what a `google.protobuf.Any` may hold, on the wire (`type_url`) and in YAML or
 * JSON (`@type`). A type whose proto is not in `vendor/` is unknown to Dashpot.
 */
export const TYPES: Registry = DESCRIPTORS;

/** The one prefix of type URLs that the xDS protocol uses. */
export const TYPE_URL_PREFIX = "type.googleapis.com/";
