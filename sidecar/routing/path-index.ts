import type { PathMatch } from "../../xds/model/route-table.ts";

/** Paths that begin with one of several texts of the same length, by the hash of that text. */
interface Group {
  readonly length: number;
  readonly byHash: Map<number, number[]>;
}

/**
 * Finds which of a host's routes are worth a look. The target is hashed once, from its beginning, and looked up at each length that a
 * route's path has: a table of a hundred routes costs as much as one of ten. Regular expressions, and paths that are compared without
 * case, are always worth a look.
 */
export class PathIndex {
  /** By length, the shortest first. */
  readonly #groups: readonly Group[];
  /** Places of routes that cannot be hashed. */
  readonly #others: number[] = [];
  readonly #count: number;

  constructor(paths: readonly PathMatch[]) {
    const groups = new Map<number, Group>();
    paths.forEach((path, place) => {
      if (!("value" in path) || path.ignoreCase) {
        this.#others.push(place);
        return;
      }
      const { value } = path;
      const group = groups.get(value.length) ?? { length: value.length, byHash: new Map<number, number[]>() };
      groups.set(value.length, group);
      const hash = hashed(0, value, 0, value.length);
      const places = group.byHash.get(hash);
      if (places) places.push(place);
      else group.byHash.set(hash, [place]);
    });
    this.#groups = [...groups.values()].sort((a, b) => a.length - b.length);
    this.#count = paths.length;
  }

  /** The first place from `from` on that may match; the number of all: none does. `pathEnd`: see `PathMatcher`. */
  next(target: string, pathEnd: number, from: number): number {
    let next = firstFrom(this.#others, from, this.#count);
    let hash = 0;
    let at = 0;
    for (let i = 0; i < this.#groups.length; i++) {
      const { length, byHash } = this.#groups[i] as Group;
      if (length > pathEnd) break;
      hash = hashed(hash, target, at, length);
      at = length;
      const places = byHash.get(hash);
      if (places !== undefined) next = firstFrom(places, from, next);
    }
    return next;
  }
}

/** Goes on with a hash (31 to the length, as Java's) from where it stands. */
function hashed(begun: number, text: string, from: number, to: number): number {
  let hash = begun;
  for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

function firstFrom(places: readonly number[], from: number, otherwise: number): number {
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number;
    if (place >= from) return Math.min(place, otherwise);
  }
  return otherwise;
}
