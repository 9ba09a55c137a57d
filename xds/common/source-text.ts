import { Buffer } from "node:buffer";
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
} from "yaml";
import { childPath, pathSegments } from "./field-path.ts";
import { describeProblem, type Problem } from "./problem.ts";

/** What a configuration file may cost before it is refused. */
export interface SourceLimits {
  /** Default 1 MiB. */
  readonly maxBytes: number;
  /** Mappings and lists inside each other. Default 64. */
  readonly maxDepth: number;
  /** Uses of one anchor, times the uses inside it: what stops the "billion laughs" file. Default 100. */
  readonly maxAliases: number;
}

export const DEFAULT_SOURCE_LIMITS: SourceLimits = { maxBytes: 1024 * 1024, maxDepth: 64, maxAliases: 100 };

/** A problem with its place in the file. Lines and columns count from 1. */
export interface PlacedProblem extends Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Characters to underline. */
  readonly length: number;
}

type Span = readonly [start: number, end: number];

/** Names that would reach into an object's prototype wherever a document is copied into plain objects. */
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);

/**
 * A YAML 1.2 or JSON file that remembers where everything stands, so that a problem found long after parsing, in a model
 * built from it, still names line and column.
 */
export class SourceText {
  readonly file: string;
  readonly text: string;
  /** Why the text could not be read as a document at all; `value` means nothing unless this is empty. */
  readonly syntax: readonly PlacedProblem[];
  /** The document as plain objects, arrays and scalars. */
  readonly value: unknown;
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed | undefined;

  constructor(text: string, file: string, limits: SourceLimits = DEFAULT_SOURCE_LIMITS) {
    this.file = file;
    this.text = text;
    const bytes = Buffer.byteLength(text);
    if (bytes > limits.maxBytes) {
      this.syntax = [
        this.#at([0, 0], "", `the file has ${bytes} bytes, at most ${limits.maxBytes} are read`),
      ];
      return;
    }
    if (nestsDeeperThan(text, limits.maxDepth)) {
      this.syntax = [this.#at([0, 0], "", `nested deeper than ${limits.maxDepth} levels`)];
      return;
    }
    const document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      schema: "core",
      uniqueKeys: true,
    });
    this.#document = document;
    const found = [...document.errors, ...document.warnings].map((error) =>
      this.#at(error.pos, "", plainWords(error)),
    );
    if (found.length === 0) this.#checkNode(document.contents, "", 0, limits, [], found);
    if (found.length === 0) {
      try {
        this.value = document.toJS({ maxAliasCount: limits.maxAliases });
      } catch (error) {
        found.push(this.#at([0, 0], "", sentence(error instanceof Error ? error.message : String(error))));
      }
    }
    this.syntax = found;
  }

  /** Finds the place of a problem's path; where the path leads out of the file, the deepest part of it that is there. */
  place(problem: Problem): PlacedProblem {
    return this.#at(this.#spanOf(problem.path), problem.path, problem.reason, problem.severity);
  }

  #at(span: Span, path: string, reason: string, severity: Problem["severity"] = "error"): PlacedProblem {
    const { line, col } =
      this.#lines.lineStarts.length > 0 ? this.#lines.linePos(span[0]) : { line: 1, col: 1 };
    return {
      path,
      reason,
      severity,
      file: this.file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      length: Math.max(1, span[1] - span[0]),
    };
  }

  /** The key and value of the last part of the path, or the key alone when its value goes on over several lines. */
  #spanOf(path: string): Span {
    let node: unknown = this.#document?.contents;
    let span: Span = isNode(node) && node.range ? [node.range[0], node.range[0] + 1] : [0, 1];
    for (const segment of pathSegments(path)) {
      if (isAlias(node)) node = node.resolve(this.#document!);
      if (!isCollection(node)) break;
      if (isMap(node)) {
        const pair: Pair | undefined = node.items.find(
          (item) => isScalar(item.key) && String(item.key.value) === String(segment),
        );
        if (!pair) break;
        span = this.#oneLine(rangeOf(pair.key), rangeOf(pair.value)) ?? span;
        node = pair.value;
      } else {
        const item: unknown = typeof segment === "number" ? node.items[segment] : undefined;
        if (item === undefined) break;
        span = this.#oneLine(rangeOf(item), rangeOf(item)) ?? span;
        node = item;
      }
    }
    return span;
  }

  #oneLine(from: Span | undefined, to: Span | undefined): Span | undefined {
    if (!from) return undefined;
    const end = to && to[1] > to[0] ? to[1] : from[1];
    if (!this.text.slice(from[0], end).trimEnd().includes("\n")) return [from[0], end];
    const firstLine = this.text.slice(...from).split("\n", 1)[0]!;
    return [from[0], from[0] + firstLine.length];
  }

  #checkNode(
    node: unknown,
    path: string,
    depth: number,
    limits: SourceLimits,
    above: unknown[],
    found: PlacedProblem[],
  ): void {
    if (isAlias(node)) {
      // An alias can only close a circle by naming a node it stands in: anchors come before their aliases.
      const target = node.resolve(this.#document!);
      const place = rangeOf(node) ?? [0, 1];
      if (!target) found.push(this.#at(place, path, `no anchor &${node.source} stands before this alias`));
      else if (above.includes(target))
        found.push(this.#at(place, path, `the alias *${node.source} contains itself`));
      return;
    }
    if (!isCollection(node)) return;
    if (depth >= limits.maxDepth) {
      found.push(this.#at(rangeOf(node) ?? [0, 1], path, `nested deeper than ${limits.maxDepth} levels`));
      return;
    }
    above.push(node);
    for (const [index, item] of node.items.entries()) {
      if (!isPair(item)) {
        this.#checkNode(item, childPath(path, index), depth + 1, limits, above, found);
        continue;
      }
      const key = isScalar(item.key) ? item.key.value : undefined;
      const place = rangeOf(item.key) ?? rangeOf(node) ?? [0, 1];
      if (typeof key !== "string") {
        found.push(this.#at(place, path, "every key must be text; put it in quotes"));
      } else if (FORBIDDEN_KEYS.has(key)) {
        found.push(this.#at(place, path, `"${key}" is not allowed as a key`));
      } else {
        this.#checkNode(item.value, childPath(path, key), depth + 1, limits, above, found);
      }
    }
    above.pop();
  }

  #line(number: number): string {
    const from = this.#lines.lineStarts[number - 1] ?? this.text.length;
    return this.text.slice(from, this.#lines.lineStarts[number] ?? this.text.length).trimEnd();
  }

  /** `file:line:col path: reason`, then the line of the source with a caret under the place. */
  render(problem: PlacedProblem): string {
    const label = problem.severity === "warning" ? "warning: " : "";
    const head = `${problem.file}:${problem.line}:${problem.column} ${label}${describeProblem(problem)}`;
    const line = this.#line(problem.line);
    if (line === "" || line.length > LONGEST_SHOWN_LINE) return head;
    const gutter = `${problem.line} | `;
    const indent = line.slice(0, problem.column - 1).replace(/[^\t]/g, " ");
    const carets = "^".repeat(Math.max(1, Math.min(problem.length, line.length - problem.column + 1)));
    return `${head}\n  ${gutter}${line}\n  ${" ".repeat(gutter.length - 2)}| ${indent}${carets}`;
  }
}

const LONGEST_SHOWN_LINE = 200;

function rangeOf(node: unknown): Span | undefined {
  const range = isNode(node) ? (node as Node).range : undefined;
  return range ? [range[0], range[1]] : undefined;
}

/**
 * Do flow brackets, or markers on one line, nest deeper than this? Asked of the lexer alone, before the parser builds a tree:
 * a megabyte of `[` costs the parser eight seconds, the lexer stops here after three milliseconds.
 */
function nestsDeeperThan(text: string, bound: number): boolean {
  let brackets = 0;
  let markers = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") brackets++;
    else if (token === "]" || token === "}") brackets--;
    else if (token === "-" || token === "?") markers++;
    else if (token.endsWith("\n")) markers = 0;
    if (brackets > bound || markers > bound) return true;
  }
  return false;
}

function plainWords(error: YAMLError): string {
  if (error.code === "DUPLICATE_KEY") return "this key stands twice in the same mapping";
  if (error.code === "MULTIPLE_DOCS") return "a second document begins here; a file holds one";
  return sentence(error.message);
}

/** The parser's messages, in our form: no line breaks, no full stop, bounded. */
function sentence(message: string): string {
  return message.replaceAll(/\s+/g, " ").trim().replace(/[.:]$/, "").slice(0, 300);
}
