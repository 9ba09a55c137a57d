import { readFileSync, statSync } from "node:fs";
import type { PemSource } from "../../xds/model/tls.ts";

/** Files are looked at this seldom, and only when a connection is about to use them. */
const LOOK_MS = 1_000;

/**
 * PEM texts of one TLS context, from files that may change under us: Kubernetes and cert-manager swap them in place. Whoever
 * makes a context asks `changed` first; a file that cannot be read leaves the last good text.
 */
export class PemFiles {
  readonly #sources: readonly PemSource[];
  readonly #now: () => number;
  #stamp = "";
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(sources: readonly (PemSource | undefined)[], now: () => number) {
    this.#sources = sources.filter((source) => source !== undefined);
    this.#now = now;
  }

  /** Has any file changed since the last time that this said so? True the first time. */
  changed(): boolean {
    const now = this.#now();
    if (now - this.#lookedAt < LOOK_MS) return false;
    this.#lookedAt = now;
    const stamp = this.#sources.map(stampOf).join("|");
    if (stamp === this.#stamp) return false;
    this.#stamp = stamp;
    return true;
  }
}

/** Size and times, not content: asked for often. */
function stampOf(source: PemSource): string {
  if (source.kind === "inline") return "inline";
  try {
    const { ino, size, mtimeMs } = statSync(source.path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return "absent";
  }
}

/** @throws the file system's error when a file cannot be read. */
export function readPem(source: PemSource): string {
  return source.kind === "inline" ? source.pem : readFileSync(source.path, "utf8");
}
