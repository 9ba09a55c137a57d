/** Where a port begins in an authority, or its length. The colons of an IPv6 literal stand in brackets. */
export function portStart(authority: string): number {
  const colon = authority.lastIndexOf(":");
  return colon > authority.lastIndexOf("]") ? colon : authority.length;
}

/** Wildcards of one length, so that a lookup is one cut of the host and one Map. */
interface Wildcards<T> {
  readonly length: number;
  readonly byText: Map<string, T>;
}

function addWildcard<T>(all: Wildcards<T>[], text: string, value: T): void {
  let group = all.find(({ length }) => length === text.length);
  if (group === undefined) {
    group = { length: text.length, byText: new Map() };
    all.push(group);
    all.sort((a, b) => b.length - a.length);
  }
  if (!group.byText.has(text)) group.byText.set(text, value);
}

/**
 * Finds what belongs to a host: an exact domain, then the longest `*.suffix`, then the longest `prefix.*`,
 * then `*`. Hosts are compared without case; a wildcard stands for at least one character. Of two equal
 * domains the first wins.
 */
export class Domains<T> {
  readonly #exact = new Map<string, T>();
  readonly #suffixes: Wildcards<T>[] = [];
  readonly #prefixes: Wildcards<T>[] = [];
  readonly #ignorePort: boolean;
  #any: T | undefined;

  constructor(ignorePort: boolean) {
    this.#ignorePort = ignorePort;
  }

  add(domain: string, value: T): void {
    const lower = domain.toLowerCase();
    if (lower === "*") this.#any ??= value;
    else if (lower.startsWith("*")) addWildcard(this.#suffixes, lower.slice(1), value);
    else if (lower.endsWith("*")) addWildcard(this.#prefixes, lower.slice(0, -1), value);
    else if (!this.#exact.has(lower)) this.#exact.set(lower, value);
  }

  /** An HTTP/1.0 request may name no host (RFC 9112, 3.2): only `*` takes it. */
  find(authority: string): T | undefined {
    if (authority === "") return this.#any;
    const given = this.#ignorePort ? authority.slice(0, portStart(authority)) : authority;
    // Most callers write hosts in lower case as they are configured: the map alone answers.
    const direct = this.#exact.get(given);
    if (direct !== undefined) return direct;
    const host = given.toLowerCase();
    return (
      this.#exact.get(host) ??
      wildcard(this.#suffixes, host, (length) => host.slice(-length)) ??
      wildcard(this.#prefixes, host, (length) => host.slice(0, length)) ??
      this.#any
    );
  }
}

function wildcard<T>(
  groups: readonly Wildcards<T>[],
  host: string,
  part: (length: number) => string,
): T | undefined {
  for (const { length, byText } of groups) {
    if (length >= host.length) continue;
    const found = byText.get(part(length));
    if (found !== undefined) return found;
  }
  return undefined;
}
