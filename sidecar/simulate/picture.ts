import type { Recording } from "./recording.ts";
import { watchedFault } from "./scenario.ts";
import {
  type EndpointGroup,
  endpointGroups,
  type Line,
  latencyLine,
  queueLines,
  STEP_MS,
  shareLines,
  weightLines,
} from "./series.ts";

const WIDTH = 440;
const HEIGHT = 150;
const LEFT = 58;
const TOP = 74;
const GAP_X = 34;
const GAP_Y = 46;
const BOTTOM = 62;
/** From Okabe and Ito's colours, which people with any kind of colour vision can tell apart. */
const COLOURS = ["#0072b2", "#009e73", "#e69f00", "#56b4e9", "#cc79a7"];
const FAULT_COLOUR = "#d62728";
const INK = "#333333";
const FAINT = "#dddddd";

interface Panel {
  readonly title: string;
  readonly lines: (recording: Recording, groups: readonly EndpointGroup[]) => Line[];
}

const PANELS: readonly Panel[] = [
  { title: "share of tries, %", lines: shareLines },
  { title: "learned weight, mean 1", lines: weightLines },
  { title: "requests in the endpoint", lines: queueLines },
  { title: "p99 latency, ms", lines: (recording) => [latencyLine(recording)] },
];

/** A column per run and a row per quantity, over time; rows share their scale. All runs are of one scenario. */
export function renderPicture(runs: readonly { title: string; recording: Recording }[]): string {
  const first = runs[0]!.recording;
  const groups = endpointGroups(first);
  const width = LEFT + runs.length * (WIDTH + GAP_X);
  const height = TOP + PANELS.length * (HEIGHT + GAP_Y) + BOTTOM - GAP_Y;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escaped(first.scenario.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 22, first.scenario.title, 'font-size="15" font-weight="bold"'),
  ];
  for (const [column, run] of runs.entries()) {
    parts.push(text(LEFT + column * (WIDTH + GAP_X), 44, run.title, 'font-weight="bold"'));
  }
  for (const [row, panel] of PANELS.entries()) {
    const charts = runs.map(({ recording }) => panel.lines(recording, groups));
    const top = ceiling(
      Math.max(0, ...charts.flat().flatMap(({ values }) => values.filter(Number.isFinite))),
    );
    for (const [column, lines] of charts.entries()) {
      const x = LEFT + column * (WIDTH + GAP_X);
      const y = TOP + row * (HEIGHT + GAP_Y);
      parts.push(`<g transform="translate(${x} ${y})">`, ...chart(first, panel, lines, groups, top), "</g>");
    }
  }
  parts.push(...legend(groups, height - 14), "</svg>");
  return `${parts.join("\n")}\n`;
}

function chart(
  recording: Recording,
  panel: Panel,
  lines: readonly Line[],
  groups: readonly EndpointGroup[],
  top: number,
): string[] {
  const { scenario } = recording;
  const seconds = scenario.durationMs / 1_000;
  const parts = [text(0, -6, panel.title)];
  const fault = watchedFault(scenario);
  if (fault) {
    const from = (fault.fromMs / scenario.durationMs) * WIDTH;
    const to = (fault.toMs / scenario.durationMs) * WIDTH;
    parts.push(`<rect x="${n(from)}" width="${n(to - from)}" height="${HEIGHT}" fill="#fbeeee"/>`);
  }
  for (let i = 0; i <= 4; i++) {
    const y = HEIGHT - (i / 4) * HEIGHT;
    parts.push(`<path d="M0 ${n(y)}H${WIDTH}" stroke="${FAINT}"/>`);
    parts.push(text(-6, y + 4, label((top * i) / 4), 'text-anchor="end" font-size="10"'));
  }
  const tick = [1, 5, 10, 30, 60, 300, 600].find((every) => seconds / every <= 8) ?? 1_800;
  for (let at = 0; at <= seconds; at += tick) {
    const x = (at / seconds) * WIDTH;
    parts.push(`<path d="M${n(x)} ${HEIGHT}v4" stroke="${INK}"/>`);
    parts.push(text(x, HEIGHT + 16, `${at} s`, 'text-anchor="middle" font-size="10"'));
  }
  parts.push(`<path d="M0 0V${HEIGHT}H${WIDTH}" fill="none" stroke="${INK}"/>`);
  const drawn = lines.map((line) => path(line, top, scenario.durationMs)).filter((line) => line.d !== "");
  if (drawn.length === 0)
    parts.push(text(WIDTH / 2, HEIGHT / 2, "this policy has none", 'text-anchor="middle"'));
  for (const { d, group } of drawn) {
    const colour = lines.length === 1 ? INK : colourOf(groups, group);
    const opacity = lines.length > 4 && groups[group]!.endpoints.length > 1 ? 0.45 : 1;
    parts.push(`<path d="${d}" fill="none" stroke="${colour}" stroke-width="1.3" opacity="${opacity}"/>`);
  }
  return parts;
}

/** Points stand in the middle of their second; a gap where nothing is known. */
function path(line: Line, top: number, durationMs: number): { d: string; group: number } {
  let d = "";
  let pen = "M";
  for (const [step, value] of line.values.entries()) {
    if (!Number.isFinite(value)) {
      pen = "M";
      continue;
    }
    const x = (((step + 0.5) * STEP_MS) / durationMs) * WIDTH;
    d += `${pen}${n(x)} ${n(HEIGHT - (Math.min(value, top) / top) * HEIGHT)}`;
    pen = "L";
  }
  return { d, group: line.group };
}

function legend(groups: readonly EndpointGroup[], y: number): string[] {
  const parts: string[] = [];
  let x = LEFT;
  for (const [index, { label: name, endpoints }] of groups.entries()) {
    const words = `${endpoints.length} ${endpoints.length === 1 ? "endpoint" : "endpoints"}, ${name}`;
    parts.push(`<path d="M${x} ${y - 4}h22" stroke="${colourOf(groups, index)}" stroke-width="3"/>`);
    parts.push(text(x + 28, y, words));
    x += 48 + words.length * 6.4;
  }
  return parts;
}

function colourOf(groups: readonly EndpointGroup[], group: number): string {
  return groups[group]!.label === "with the fault" ? FAULT_COLOUR : COLOURS[group % COLOURS.length]!;
}

/** The next of 1, 2, 2.5, 5 times a power of ten that holds the value. */
function ceiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 4, 5, 8, 10].find((step) => step * power >= value) ?? 10) * power;
}

function label(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function n(value: number): string {
  return value.toFixed(1);
}

function text(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${n(x)}" y="${n(y)}" ${attributes}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
