import { ERRORS, type ErrorKind, type ProxyError, proxyError } from "../../xds/common/errors.ts";

/** Why a message is refused: what is wrong with it, before it is known whose message it is. */
export interface Refusal {
  readonly reason:
    | "malformed"
    | "head_too_large"
    | "target_too_long"
    | "unsupported_version"
    | "unsupported_coding"
    | "unsupported_expectation";
  /** For people: the rule that was broken, never the bytes that broke it. */
  readonly detail: string;
}

export function refusal(reason: Refusal["reason"], detail: string): Refusal {
  return Object.freeze({ reason, detail });
}

const REQUEST_ERRORS: Readonly<Record<Refusal["reason"], ErrorKind>> = {
  malformed: ERRORS.malformedRequest,
  head_too_large: ERRORS.requestHeadTooLarge,
  target_too_long: ERRORS.requestTargetTooLong,
  unsupported_version: ERRORS.unsupportedVersion,
  unsupported_coding: ERRORS.unsupportedCoding,
  unsupported_expectation: ERRORS.unsupportedExpectation,
};

export function requestError(refused: Refusal): ProxyError {
  return proxyError(REQUEST_ERRORS[refused.reason], refused.detail);
}

/** Whatever an upstream sends that is not HTTP/1.1 as we know it is its failure: 502. */
export function responseError(refused: Refusal): ProxyError {
  const kind = refused.reason === "head_too_large" ? ERRORS.responseHeadTooLarge : ERRORS.malformedResponse;
  return proxyError(kind, refused.detail);
}
