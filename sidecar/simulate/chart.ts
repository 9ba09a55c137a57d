import type { Fault, Scenario } from "./scenario.ts";
import { type Band, STEP_MS } from "./series.ts";

export const CHART = Object.freeze({ width: 300, height: 104 });
export const INK = "#333333";
const FAINT = "#e2e2e2";
export const FAULT_SHADE = "#f6e3e1";
/** Of the band from least to most. */
export const SPREAD_OPACITY = 0.22;
const MOST_TICKS = 7;

/** Turns a value into a height of 0 to 1 and says where its grid lines stand. */
export interface Scale {
  readonly ticks: readonly number[];
  height(value: number): number;
}

/** From 0 to the next round number that holds the most. */
export function linearScale(most: number): Scale {
  const step = roundAbove(most / 4);
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  return {
    ticks: Array.from({ length: count + 1 }, (_, i) => i * step),
    height: (value) => value / (count * step),
  };
}

/** 0 and powers of ten: for queues, where a good policy holds a few and a bad one thousands. */
export function logScale(most: number): Scale {
  const top = Math.log10(1 + Math.max(10, most * 1.2));
  const height = (value: number): number => Math.log10(1 + value) / top;
  const powers = Array.from({ length: 12 }, (_, i) => 10 ** i);
  return { ticks: [0, ...powers.filter((power) => height(power) <= 1)], height };
}

export interface Chart {
  readonly title: string;
  readonly scenario: Scenario;
  readonly scale: Scale;
  readonly bands: readonly Band[];
  readonly colourOf: (group: number) => string;
}

/** One quantity of one run over time, with its faults shaded; drawn from (0, 0) to `CHART`'s size, labels outside. */
export function renderChart({ title, scenario, scale, bands, colourOf }: Chart): string[] {
  const { width, height } = CHART;
  const x = (ms: number): number => (ms / scenario.durationMs) * width;
  const y = (value: number): number => height * (1 - scale.height(value));
  const parts = [text(0, -7, title)];
  for (const { fromMs, toMs } of shadedFaults(scenario)) {
    parts.push(
      `<rect x="${n(x(fromMs))}" width="${n(x(toMs) - x(fromMs))}" height="${height}" fill="${FAULT_SHADE}"/>`,
    );
  }
  for (const tick of scale.ticks) {
    parts.push(`<path d="M0 ${n(y(tick))}h${width}" stroke="${FAINT}"/>`);
    parts.push(text(-6, y(tick) + 4, label(tick), 'text-anchor="end" font-size="10"'));
  }
  for (const { fromMs } of scenario.rates.slice(1)) {
    parts.push(`<path d="M${n(x(fromMs))} 0v${height}" stroke="${INK}" stroke-dasharray="2 3"/>`);
  }
  const seconds = scenario.durationMs / 1_000;
  const every = [1, 5, 10, 30, 60, 300, 600].find((step) => seconds / step <= MOST_TICKS) ?? 1_800;
  for (let at = 0; at <= seconds; at += every) {
    parts.push(`<path d="M${n(x(at * 1_000))} ${height}v4" stroke="${INK}"/>`);
    parts.push(text(x(at * 1_000), height + 16, `${at} s`, 'text-anchor="middle" font-size="10"'));
  }
  parts.push(`<path d="M0 0V${height}H${width}" fill="none" stroke="${INK}"/>`);
  let drawn = false;
  for (const { group, least, mean, most } of bands) {
    const colour = colourOf(group);
    for (const { from, to } of knownStretches(mean)) {
      drawn = true;
      const points = (values: readonly number[]): string[] =>
        values.slice(from, to).map((value, i) => `${n(x((from + i + 0.5) * STEP_MS))} ${n(y(value))}`);
      if (least !== most) {
        const outline = [...points(most), ...points(least).reverse()];
        parts.push(`<path d="M${outline.join("L")}Z" fill="${colour}" opacity="${SPREAD_OPACITY}"/>`);
      }
      parts.push(
        `<path d="M${points(mean).join("L")}" fill="none" stroke="${colour}" stroke-width="1.6" stroke-linejoin="round"/>`,
      );
    }
  }
  if (!drawn) parts.push(text(width / 2, height / 2, "this policy has none", 'text-anchor="middle"'));
  return parts;
}

/** Faults that come once; those that come and go would shade everything. */
export function shadedFaults({ faults, durationMs }: Scenario): Fault[] {
  return faults.filter((fault) => !fault.repeat && (fault.fromMs > 0 || fault.toMs < durationMs));
}

export function text(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${n(x)}" y="${n(y)}" ${attributes}>${escaped(words)}</text>`;
}

export function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Spans of steps whose values are known, end exclusive. */
function knownStretches(values: readonly number[]): { from: number; to: number }[] {
  const stretches: { from: number; to: number }[] = [];
  for (let from = 0; from < values.length; from++) {
    if (!Number.isFinite(values[from])) continue;
    let to = from;
    while (to < values.length && Number.isFinite(values[to])) to++;
    stretches.push({ from, to });
    from = to;
  }
  return stretches;
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
function roundAbove(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5].find((step) => step * power >= value * (1 - 1e-9)) ?? 10) * power;
}

function label(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en-US");
}

function n(value: number): string {
  return value.toFixed(1);
}
