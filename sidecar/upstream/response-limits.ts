import type { MessageLimits } from "../codec/limits.ts";

/** What a response of an upstream may be. */
export interface ResponseLimits extends MessageLimits {
  /**
   * Whether a response over TLS may end with its connection. TLS tells the end of one that is whole from a cut (RFC 9112, 9.8), but
   * Node passes on a bare FIN just like a close_notify, and nobody could say afterwards which of the two it was.
   */
  readonly allowUnframedTls: boolean;
}
