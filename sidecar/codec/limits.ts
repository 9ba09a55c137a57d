/** Bounds of one HTTP/1.1 message. What goes past a bound is refused; nothing is cut. */
export interface MessageLimits {
  /** Start line and field lines together, in bytes. */
  readonly maxHeadBytes: number;
  /** Field lines of a head, and of a trailer section. */
  readonly maxFields: number;
  /** The request target, in bytes. */
  readonly maxTargetBytes: number;
  /** One chunk's size line with its extensions, in bytes. Extensions are read over and never passed on. */
  readonly maxChunkLineBytes: number;
  /** Interim (1xx) responses to one request. */
  readonly maxInformational: number;
}

/** Envoy's 60 KiB and 100 fields; 8 KiB of target as RFC 9110, 4.1 recommends at least. */
export const DEFAULT_LIMITS: MessageLimits = Object.freeze({
  maxHeadBytes: 61_440,
  maxFields: 100,
  maxTargetBytes: 8_192,
  maxChunkLineBytes: 1_024,
  maxInformational: 16,
});
