/** Something that keeps one value per slot and follows the roster as it grows. */
export interface Columns {
  /** Makes room for `capacity` slots; what is there stays. */
  grow(capacity: number): void;
  /** Forgets a slot's values: another endpoint moves in. */
  clear(slot: number): void;
}

/** A copy of `column` with room for `capacity` values; the new ones are 0. */
export function grownFloats(column: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(capacity);
  grown.set(column);
  return grown;
}

export function grownIntegers(column: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(capacity);
  grown.set(column);
  return grown;
}
