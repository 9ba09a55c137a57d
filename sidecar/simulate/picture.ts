import {
  CHART,
  escaped,
  FAULT_SHADE,
  INK,
  linearScale,
  logScale,
  renderChart,
  type Scale,
  SPREAD_OPACITY,
  shadedFaults,
  text,
} from "./chart.ts";
import { latenciesIn, quantile } from "./latencies.ts";
import type { Recording } from "./recording.ts";
import { type FaultEffect, type Scenario, watchedFault } from "./scenario.ts";
import {
  ALL,
  type Band,
  type EndpointGroup,
  endpointGroups,
  failures,
  latency,
  queues,
  shares,
  weights,
} from "./series.ts";

const LEFT = 48;
const LEGEND_TOP = 68;
const RIGHT = 24;
const LINE = 18;
const LEAST_WIDTH = 640;
/** Of the usual sans-serif faces at 12 px, on the safe side. */
const LETTER_WIDTH = 6.2;
/** The same, bold and at 17 px. */
const TITLE_LETTER_WIDTH = 9.4;
const GAP_X = 48;
const GAP_Y = 44;
const BOTTOM = 30;
/** From Okabe and Ito's colours, which people with any kind of colour vision can tell apart. */
const COLOURS = ["#0072b2", "#009e73", "#e69f00", "#56b4e9", "#cc79a7"];
const FAULT_COLOUR = "#d62728";

interface Panel {
  readonly title: string;
  readonly bands: (recording: Recording, groups: readonly EndpointGroup[]) => Band[];
  readonly scale: (most: number) => Scale;
  /** Left out when it stays near this everywhere, in all runs. */
  readonly dull?: { readonly value: number; readonly within: number };
}

const PANELS: readonly Panel[] = [
  { title: "share of tries that each endpoint gets, %", bands: shares, scale: linearScale },
  { title: "learned weight (mean 1)", bands: weights, scale: linearScale, dull: { value: 1, within: 0.1 } },
  { title: "requests waiting or served in each endpoint", bands: queues, scale: logScale },
  { title: "p99 latency of answered requests, ms", bands: latency, scale: linearScale },
  { title: "failed requests, %", bands: failures, scale: linearScale, dull: { value: 0, within: 0 } },
];

export interface PictureColumn {
  readonly title: string;
  readonly recording: Recording;
}

/** A column per run and a row per quantity, over time; rows share their scale. All runs are of one scenario. */
export function renderPicture(runs: readonly PictureColumn[]): string {
  const first = runs[0]!.recording;
  const { scenario } = first;
  const groups = endpointGroups(first);
  const colourOf = (group: number): string => colour(groups, group);
  const rows = PANELS.map((panel) => ({
    panel,
    charts: runs.map(({ recording }) => panel.bands(recording, groups)),
  })).filter(({ panel, charts }) => !isDull(charts.flat(), panel.dull));
  const columns = runs.length * (CHART.width + GAP_X) - GAP_X;
  const title = Math.ceil(scenario.title.length * TITLE_LETTER_WIDTH);
  const width = Math.max(LEAST_WIDTH, LEFT + Math.max(columns, title) + RIGHT);
  const legend = setLegend(legendOf(groups, scenario), width - LEFT - RIGHT);
  const headlines = LEGEND_TOP + legend.height + 12;
  const top = headlines + 44;
  const height = top + rows.length * (CHART.height + GAP_Y) - GAP_Y + BOTTOM;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<title>${escaped(scenario.title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 26, scenario.title, 'font-size="17" font-weight="bold"'),
    text(LEFT, 46, `${setUp(scenario)} Simulated, seed ${first.seed}.`),
    `<g transform="translate(${LEFT} ${LEGEND_TOP})">`,
    ...legend.parts,
    "</g>",
  ];
  for (const [column, { title, recording }] of runs.entries()) {
    const x = LEFT + column * (CHART.width + GAP_X);
    parts.push(text(x, headlines, title, 'font-size="14" font-weight="bold"'));
    parts.push(text(x, headlines + 16, headline(recording)));
  }
  for (const [row, { panel, charts }] of rows.entries()) {
    const known = charts.flat().flatMap(({ most }) => most.filter(Number.isFinite));
    const scale = panel.scale(Math.max(0, ...known));
    for (const [column, bands] of charts.entries()) {
      const x = LEFT + column * (CHART.width + GAP_X);
      const y = top + row * (CHART.height + GAP_Y);
      const chart = renderChart({ title: panel.title, scenario, scale, bands, colourOf });
      parts.push(`<g transform="translate(${x} ${y})">`, ...chart, "</g>");
    }
  }
  parts.push("</svg>");
  return `${parts.join("\n")}\n`;
}

function isDull(bands: readonly Band[], dull: Panel["dull"]): boolean {
  if (!dull) return false;
  const isNear = (value: number): boolean =>
    Number.isNaN(value) || Math.abs(value - dull.value) <= dull.within;
  return bands.every(({ least, most }) => least.every(isNear) && most.every(isNear));
}

function setUp({ clients, endpoints, rates, timeoutMs, retry }: Scenario): string {
  const most = Math.max(...rates.map(({ perSecond }) => perSecond));
  const tries = retry
    ? `up to ${retry.tries} tries of ${timeoutMs} ms each`
    : `no retries, timeout ${timeoutMs} ms`;
  const rate = `${rates.length > 1 ? "up to " : ""}${Math.round(most).toLocaleString("en-US")} requests/s`;
  return `${clients} sidecars, ${endpoints.length} endpoints, ${rate}, ${tries}.`;
}

/** What a run comes to in one line: of the fault, or of the last phase. */
function headline(recording: Recording): string {
  const { scenario } = recording;
  const phase = scenario.phases.at(-1)!;
  const fault = watchedFault(scenario);
  const { fromMs, toMs } = fault ?? phase;
  const { latencies, requests } = latenciesIn(recording, fromMs, toMs);
  const failed = (requests - latencies.length).toLocaleString("en-US");
  const when = fault ? "during the fault: " : "";
  return `${when}p99 ${Math.round(quantile(latencies, 0.99))} ms, ${failed} requests failed`;
}

interface LegendEntry {
  /** Drawn at (0, 0), 22 wide, on the text's line. */
  readonly mark: string;
  readonly words: string;
}

function legendOf(groups: readonly EndpointGroup[], scenario: Scenario): LegendEntry[] {
  const entries = groups.map(({ label, endpoints }, index): LegendEntry => {
    const mean = `<path d="M0 -4h22" stroke="${colour(groups, index)}" stroke-width="2.5"/>`;
    if (endpoints.length === 1) return { mark: mean, words: `1 endpoint, ${label}` };
    const shade = `<rect y="-9" width="22" height="10" fill="${colour(groups, index)}" opacity="${SPREAD_OPACITY}"/>`;
    return { mark: shade + mean, words: `${endpoints.length} endpoints, ${label}: mean, least to most` };
  });
  const faults = shadedFaults(scenario).toSorted((a, b) => a.fromMs - b.fromMs);
  if (faults.length > 0) {
    const mark = `<rect y="-9" width="22" height="10" fill="${FAULT_SHADE}"/>`;
    const kinds = new Set(faults.map(({ effect }) => described(effect)));
    entries.push({ mark, words: `the fault: ${[...kinds].join(", then ")}` });
  }
  if (scenario.rates.length > 1)
    entries.push({
      mark: `<path d="M11 -11v14" stroke="${INK}" stroke-dasharray="2 3"/>`,
      words: "the load changes",
    });
  return entries;
}

/** Sets the entries in lines of at most `width`. Returns the height of all lines too. */
function setLegend(entries: readonly LegendEntry[], width: number): { parts: string[]; height: number } {
  const parts: string[] = [];
  let x = 0;
  let y = 0;
  for (const { mark, words } of entries) {
    const needed = 28 + words.length * LETTER_WIDTH;
    if (x > 0 && x + needed > width) {
      x = 0;
      y += LINE;
    }
    parts.push(`<g transform="translate(${x} ${y})">${mark}${text(28, 0, words)}</g>`);
    x += needed + 20;
  }
  return { parts, height: y + LINE };
}

/** What an endpoint with the fault does, for people. */
function described(effect: FaultEffect): string {
  switch (effect.kind) {
    case "slow":
      return effect.speed === 0 ? "stands still" : `works at ${percent(effect.speed)} of its speed`;
    case "warm_up":
      return `warms up from ${percent(effect.speed)} of its speed`;
    case "errors":
      return `answers ${percent(effect.part)} of its requests with 500`;
    case "refuse":
      return "refuses connections";
    case "black_hole":
      return "never answers";
    case "push_back":
      return effect.limit === 0
        ? "turns all requests away with 429"
        : `turns requests away with 429 when it has ${effect.limit}`;
    case "drain":
      return "is draining";
    case "absent":
      return "is not listed";
  }
}

function percent(part: number): string {
  return `${Number((100 * part).toPrecision(3))} %`;
}

function colour(groups: readonly EndpointGroup[], group: number): string {
  if (group === ALL) return INK;
  return groups[group]!.faulty ? FAULT_COLOUR : COLOURS[group % COLOURS.length]!;
}
