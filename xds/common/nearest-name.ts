/**
 * The allowed name a person most likely meant by `word`, or undefined when none is close. A slip of the fingers is an edit or
 * two (optimal string alignment distance, with swapped neighbours as one edit), so a third of the longer word may differ.
 */
export function nearestName(word: string, allowed: Iterable<string>): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  const folded = word.toLowerCase().replaceAll("-", "_");
  for (const name of allowed) {
    const longer = Math.max(word.length, name.length);
    const bound = Math.min(bestDistance - 1, Math.max(1, Math.floor(longer / 3)));
    if (name.length > LONGEST_WORD || longer - Math.min(word.length, name.length) > bound) continue;
    const distance = editDistance(folded, name.toLowerCase().replaceAll("-", "_"), bound);
    if (distance <= bound) {
      best = name;
      bestDistance = distance;
    }
    if (distance === 0) break;
  }
  return best;
}

/** ` (did you mean "x"?)` or nothing: the end of a sentence about a name that is not known. */
export function didYouMean(word: string, allowed: Iterable<string>): string {
  const near = nearestName(word, allowed);
  return near === undefined ? "" : ` (did you mean "${near}"?)`;
}

/** Names are short; the distance is quadratic, and a hostile file may hold a key of a megabyte. */
const LONGEST_WORD = 64;

/** The distance, or any number above `bound` as soon as it is sure to be above. */
function editDistance(a: string, b: string, bound: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
      if (cost < least) least = cost;
    }
    if (least > bound) return least;
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
