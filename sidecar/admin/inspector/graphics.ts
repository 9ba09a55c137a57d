import { type Html, html } from "../../../xds/common/html.ts";

/** A bar of `part` (0..1). Drawn as SVG, since the page's security policy allows no inline style. */
export function bar(part: number, tone: string): Html {
  const width = (Math.min(1, Math.max(0, part)) * 100).toFixed(1);
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/><rect class="fill ${tone}" width="${width}" height="8"/></svg>`;
}

const WIDTH = 150;
const HEIGHT = 24;

/** A curve of values 0..1, the newest at the right edge. `full` is how many values fill the width. */
export function sparkline(values: readonly number[], full: number, tone: string): Html {
  const curve = values.length < 2 ? "" : curveOf(values, full);
  return html`<svg class="spark ${tone}" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"><line x2="${WIDTH}" y1="${HEIGHT - 0.5}" y2="${HEIGHT - 0.5}"/>${curve}</svg>`;
}

function curveOf(values: readonly number[], full: number): Html {
  const highest = Math.max(0.05, ...values);
  const step = WIDTH / (full - 1);
  const from = WIDTH - (values.length - 1) * step;
  const points = values
    .map(
      (value, i) =>
        `${(from + i * step).toFixed(1)},${(HEIGHT - 2 - (value / highest) * (HEIGHT - 4)).toFixed(1)}`,
    )
    .join(" ");
  const area = `${from.toFixed(1)},${HEIGHT} ${points} ${WIDTH},${HEIGHT}`;
  return html`<polygon points="${area}"/><polyline points="${points}"/>`;
}

export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Phases of an attempt on one line of time, in ms from its start. */
export function timeline(phases: readonly Phase[], total: number): Html {
  const scale = 100 / Math.max(total, 0.001);
  const rects = phases.map(({ name, from, to }) => {
    const x = (from * scale).toFixed(2);
    const width = Math.max(0.4, (to - from) * scale).toFixed(2);
    return html`<rect class="phase ${name}" x="${x}" width="${width}" height="10"><title>${name}</title></rect>`;
  });
  return html`<svg class="timeline" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="10"/>${rects}</svg>`;
}
