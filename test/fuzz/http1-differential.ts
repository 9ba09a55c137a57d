import { seededRandom } from "../../xds/common/random.ts";
import { type Message, type Recorder, readRequests, readResponse } from "../codec/recorder.ts";
import { randomWire } from "./http1-wires.ts";
import { type OracleMessage, type OracleResult, readWithOracle } from "./llhttp.ts";

/** How often the two parsers did what. */
export interface Tally {
  wires: number;
  /** Messages that both accept whole. */
  agreed: number;
  /** Wires that we refuse. */
  refused: number;
  /** Wires that llhttp refuses where we accept. */
  onlyOracleRefused: number;
}

type Ours = Pick<
  Recorder<{ readonly fields: readonly string[]; readonly upgrade: string }>,
  "messages" | "error"
>;

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (let i = 0; i < whole.length && at < part.length; i += 2) {
    if (whole[i] === part[at] && whole[i + 1] === part[at + 1]) at += 2;
  }
  return at === part.length;
}

/** What is wrong with our reading of one message, if llhttp's is right; empty: nothing. */
function difference(ours: Message<{ readonly fields: readonly string[] }>, theirs: OracleMessage): string {
  if (!isSubsequence(ours.head.fields, theirs.fields)) return "fields differ";
  if (ours.end === "open" && theirs.complete) return "theirs is whole, ours is not";
  if (ours.end !== "open" && !theirs.complete) return "ours is whole, theirs is not";
  return ours.body === theirs.body ? "" : "bodies differ";
}

/** Compares as far as both accept; gives a sentence where they frame differently. */
function compare(ours: Ours, theirs: OracleResult, tally: Tally): string {
  if (ours.error !== undefined) tally.refused++;
  for (let i = 0; i < ours.messages.length; i++) {
    const mine = ours.messages[i] as (typeof ours.messages)[number];
    const other = theirs.messages[i];
    const isLastOfOurs = i === ours.messages.length - 1;
    // A message that we gave up is not one that we accepted.
    if (mine.end === "open" && isLastOfOurs && ours.error !== undefined) return "";
    if (other === undefined || (!other.complete && theirs.refused)) {
      if (!theirs.refused) return `message ${i} is ours alone`;
      tally.onlyOracleRefused++;
      return "";
    }
    const found = difference(mine, other);
    if (found !== "") return `message ${i}: ${found}`;
    if (mine.end !== "open") tally.agreed++;
    if (other.upgrade) return "";
  }
  if (ours.error !== undefined || theirs.refused) return "";
  return theirs.messages.length > ours.messages.length ? "theirs has one message more" : "";
}

/**
 * Cutting the same bytes differently must change nothing but the reason of a refusal: what is wrong first is
 * found first when bytes trickle.
 */
function describe(recorder: Recorder<unknown>): string {
  return JSON.stringify([recorder.messages, recorder.interim, recorder.error !== undefined, recorder.tunnel]);
}

function tryRequest(wire: string, step: number, tally: Tally): string {
  const ours = readRequests(wire);
  if (describe(ours) !== describe(readRequests(wire, { step })))
    return `steps of ${step} bytes read differently`;
  // Behind a tunnel's head and the last request nothing is read as a request: both stop there.
  const tunnel = ours.messages.findIndex(
    ({ head }) => head.upgrade !== "" || head.method === "CONNECT" || !head.keepAlive,
  );
  const messages = tunnel < 0 ? ours.messages : ours.messages.slice(0, tunnel + 1);
  const error = tunnel < 0 || messages.at(-1)?.end === "open" ? ours.error : undefined;
  const theirs = readWithOracle(Buffer.from(wire, "latin1"), "request");
  if (tunnel >= 0 && theirs.messages.length > messages.length) theirs.messages.length = messages.length;
  return compare({ messages, error }, theirs, tally);
}

function tryResponse(wire: string, step: number, isHead: boolean, tally: Tally): string {
  const settings = { method: isHead ? "HEAD" : "GET", fin: true };
  const ours = readResponse(wire, settings);
  if (describe(ours) !== describe(readResponse(wire, { ...settings, step })))
    return `steps of ${step} bytes read differently`;
  // The reader takes one response; llhttp goes on. Interim ones are messages to it.
  const theirs = readWithOracle(Buffer.from(wire, "latin1"), "response", isHead, ours.rest === "");
  const interim = ours.interim.map((head) => ({ head, body: "", end: "whole" as const }));
  const messages = [...interim, ...ours.messages];
  const read = theirs.messages.slice(0, messages.length);
  const wasRefusedLater =
    theirs.refused && read.every(({ complete }) => complete) && read.length === messages.length;
  return compare(
    { messages, error: ours.error },
    { messages: ours.rest === "" ? theirs.messages : read, refused: theirs.refused && !wasRefusedLater },
    tally,
  );
}

export interface Finding {
  readonly kind: "request" | "response";
  readonly wire: string;
  readonly what: string;
}

/** Reads `count` random wires with both parsers. */
export function compareParsers(
  seed: number,
  count: number,
): { readonly tally: Tally; readonly findings: Finding[] } {
  const random = seededRandom(seed);
  const tally: Tally = { wires: 0, agreed: 0, refused: 0, onlyOracleRefused: 0 };
  const findings: Finding[] = [];
  for (; tally.wires < count && findings.length < 20; tally.wires++) {
    const kind = random() < 0.6 ? "request" : "response";
    const wire = randomWire(kind, random);
    const step = 1 + Math.floor(random() * 20);
    const what =
      kind === "request" ? tryRequest(wire, step, tally) : tryResponse(wire, step, random() < 0.2, tally);
    if (what !== "") findings.push({ kind, wire, what });
  }
  return { tally, findings };
}
