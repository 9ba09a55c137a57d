/**
 * Paths into a document, as people and Envoy write them: `services[0].endpoints[3].weight`. A key that is not a plain word
 * stands in brackets and quotes, `headers["x.team"]`, so that every path has one reading.
 */
const PLAIN_KEY = /^[A-Za-z_@][A-Za-z0-9_@-]*$/;

export function childPath(parent: string, key: string | number): string {
  if (typeof key === "number") return `${parent}[${key}]`;
  if (!PLAIN_KEY.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/** Puts the path inside a part below the path of that part. */
export function joinPaths(parent: string, rest: string): string {
  if (parent === "" || rest === "") return parent + rest;
  return rest.startsWith("[") ? parent + rest : `${parent}.${rest}`;
}

const SEGMENT = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[]+)|\./y;

/** The keys and indexes of a path; stops at the first part that cannot be read. */
export function pathSegments(path: string): (string | number)[] {
  const segments: (string | number)[] = [];
  SEGMENT.lastIndex = 0;
  while (SEGMENT.lastIndex < path.length) {
    const found = SEGMENT.exec(path);
    if (!found) break;
    const [, index, quoted, plain] = found;
    if (index !== undefined) segments.push(Number(index));
    else if (quoted !== undefined) segments.push(String(JSON.parse(quoted)));
    else if (plain !== undefined) segments.push(plain);
  }
  return segments;
}
