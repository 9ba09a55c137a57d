import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bytesOfLine } from "./byte-text.ts";
import type { CorpusCase, Side, Step } from "./corpus-case.ts";

const VARIANT = "{each}";
const PEERS: ReadonlySet<string> = new Set(["haproxy", "nginx", "envoy"]);

interface Block {
  readonly line: number;
  readonly title: string;
  readonly lines: string[];
}

/** All cases of the `.req` files in this folder, in the order of the files' names. Throws with file and line where one is wrong. */
export function readCorpus(folder = import.meta.dirname): CorpusCase[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".req"))
    .sort();
  const cases = files.flatMap((file) => readCases(file, readFileSync(join(folder, file), "utf8")));
  const names = new Set<string>();
  for (const { name, file, line } of cases) {
    if (names.has(name)) throw new Error(`${file}:${line}: there is another case "${name}"`);
    names.add(name);
  }
  return cases;
}

export function readCases(file: string, text: string): CorpusCase[] {
  const cases: Block[][] = [];
  for (const block of blocksOf(file, text)) {
    if (block.title.startsWith("== ")) cases.push([block]);
    else if (cases.length === 0) throw new Error(`${file}:${block.line}: a case begins with "== "`);
    else cases.at(-1)?.push(block);
  }
  return cases.flatMap((blocks) => variantsOf(file, blocks));
}

/** A line that stands at the margin, and the `|` lines under it. */
function blocksOf(file: string, text: string): Block[] {
  const blocks: Block[] = [];
  text.split("\n").forEach((whole, index) => {
    const trimmed = whole.trimStart();
    if (trimmed === "" || trimmed.startsWith("#")) return;
    if (!trimmed.startsWith("|")) {
      blocks.push({ line: index + 1, title: whole.trim(), lines: [] });
      return;
    }
    const block = blocks.at(-1);
    if (!block) throw new Error(`${file}:${index + 1}: a "|" line belongs under a step`);
    block.lines.push(trimmed.startsWith("| ") ? trimmed.slice(2) : trimmed.slice(1));
  });
  return blocks;
}

function variantsOf(file: string, [title, ...blocks]: Block[]): CorpusCase[] {
  if (!title) return [];
  const each = blocks.find((block) => block.title === "for each");
  if (!each) return [caseOf(file, title, blocks, "")];
  return each.lines.map((variant) => {
    const filled = blocks
      .filter((block) => block !== each)
      .map((block) => ({
        ...block,
        title: block.title.replace(VARIANT, () => variant),
        lines: block.lines.map((line) => line.replace(VARIANT, () => variant)),
      }));
    return caseOf(file, title, filled, variant);
  });
}

function caseOf(file: string, title: Block, blocks: readonly Block[], variant: string): CorpusCase {
  const steps: Step[] = [];
  const differences = new Map<string, string>();
  let source = "";
  let listener = "";
  let routes = "";
  let upgrades: readonly string[] = [];
  for (const block of blocks) {
    const colon = block.title.indexOf(": ");
    const key = colon < 0 ? block.title : block.title.slice(0, colon);
    const value = block.title.slice(colon + 2);
    if (key === "see") source = value;
    else if (key === "upgrades") upgrades = value.split(", ");
    else if (key === "listener") listener = block.lines.join("\n");
    else if (key === "routes") routes = block.lines.join("\n");
    else if (PEERS.has(key)) differences.set(key, value);
    else steps.push(...stepsOf(file, block));
  }
  const name = title.title.slice(3) + (variant === "" ? "" : ` [${variant}]`);
  if (source === "")
    throw new Error(`${file}:${title.line}: "${name}" does not say which paragraph it comes from`);
  return { name, file, line: title.line, source, listener, routes, upgrades, differences, steps };
}

const STEP = /^(client|origin) (\S+) ?(.*)$/;
const GETS = /^(head|bytes)? ?(?:on (?:a|the) (new|same) connection)?$/;
const STATUS = /^(\d{3})( and is closed)?$/;
/** What an origin answers where it does not matter what. */
const PLAIN_ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

function stepsOf(file: string, { line, title, lines }: Block): Step[] {
  const wrong = (): Error => new Error(`${file}:${line}: "${title}" is no step`);
  const [, actor, verb, rest = ""] = STEP.exec(title) ?? [];
  const side = actor as Side;
  const bytes = lines.map(bytesOfLine).join("");
  if (lines.length > 0) {
    if (verb === "sends" && rest === "") return [{ kind: "sends", side, bytes, line }];
    const gets = verb === "gets" ? GETS.exec(rest) : null;
    if (!gets) throw wrong();
    const what = (gets[1] ?? "message") as "message" | "head" | "bytes";
    const connection = (gets[2] ?? "any") as "any" | "new" | "same";
    return [{ kind: "gets", side, what, bytes, connection, line }];
  }
  const status = side === "client" && verb === "gets" ? STATUS.exec(rest) : null;
  if (status) {
    const step: Step = { kind: "status", status: Number(status[1]), line };
    return status[2] ? [step, { kind: "closed", side, reset: false, line }] : [step];
  }
  switch (`${verb} ${rest}`.trim()) {
    case "sends 200":
      if (side === "origin") return [{ kind: "sends", side, bytes: PLAIN_ANSWER, line }];
      break;
    case "ends":
    case "resets":
      return [{ kind: verb as "ends" | "resets", side, line }];
    case "is closed":
    case "is reset":
      return [{ kind: "closed", side, reset: rest === "reset", line }];
    case "stays open":
      if (side === "client") return [{ kind: "stays", line }];
      break;
    case "connects again":
      if (side === "client") return [{ kind: "connects", line }];
      break;
    case "gets nothing":
      if (side === "origin") return [{ kind: "nothing", line }];
      break;
  }
  throw wrong();
}
