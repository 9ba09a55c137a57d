/** No connection holds more than this for a slow peer, however much the configuration allows: many are slow at the same time. */
const MOST_HELD_BYTES = 64 * 1024;

/** What a connection holds for its peer before who sends it is paused, by its listener's or cluster's buffer limit. */
export function heldBytes(bufferLimitBytes: number): number {
  return Math.min(bufferLimitBytes, MOST_HELD_BYTES);
}
