import { readFileSync } from "node:fs";
import type { AdminReply } from "./reply.ts";

const TYPES: ReadonlyMap<string, string> = new Map([
  ["inspector.css", "text/css; charset=utf-8"],
  ["inspector.js", "text/javascript; charset=utf-8"],
  ["icon.svg", "image/svg+xml"],
]);

const read = new Map<string, string>();

/** A file of the inspector page. The names are fixed, so no path from outside reaches the file system; each file is read once. */
export function staticFile(name: string): AdminReply | undefined {
  const type = TYPES.get(name);
  if (type === undefined) return undefined;
  let body = read.get(name);
  if (body === undefined) {
    body = readFileSync(new URL(`./page/${name}`, import.meta.url), "utf8");
    read.set(name, body);
  }
  return { status: 200, type, body };
}
