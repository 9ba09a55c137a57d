import { readFileSync } from "node:fs";

/** Dashpot's own version, from its package. */
export function dashpotVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
