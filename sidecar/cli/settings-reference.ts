import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { environmentName, type Setting } from "./setting.ts";
import { SETTINGS } from "./settings.ts";

/** The page that holds the reference, and the marks between which it stands. */
export const REFERENCE_PAGE = fileURLToPath(new URL("../../docs/configuration.md", import.meta.url));
const BEGIN = "<!-- settings: written by `node sidecar/cli/settings-reference.ts`, do not edit -->";
const END = "<!-- end of settings -->";

/** The page with its reference as the settings table has it. Throws where the marks are missing. */
export function withReference(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin)
    throw new Error(`${REFERENCE_PAGE} lacks the marks of the settings reference`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${reference()}\n${page.slice(end)}`;
}

function reference(): string {
  return (Object.values(SETTINGS) as Setting<unknown>[]).map(entry).join("\n");
}

function entry(setting: Setting<unknown>): string {
  const { key, type, fallback, does, lower, higher } = setting;
  return [
    `### \`${key}\``,
    "",
    does,
    "",
    `- Default \`${type.show(fallback)}\`; ${type.allowed}; environment \`${environmentName(setting)}\``,
    `- Lower: ${lower}`,
    `- Higher: ${higher}`,
    "",
  ].join("\n");
}

if (import.meta.main) writeFileSync(REFERENCE_PAGE, withReference(readFileSync(REFERENCE_PAGE, "utf8")));
