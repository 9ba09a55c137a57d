import type { Fields } from "../../xds/common/fields.ts";
import type { ServerShape } from "./server.ts";

const MOST_ENDPOINTS = 10_000;
const MOST_GROUPS = 100;
/** As in EDS. */
const HIGHEST_PRIORITY = 128;

/** `endpoints`: groups of equal ones. Empty when there are none to speak of, which is a problem. */
export function readEndpoints(fields: Fields): ServerShape[] {
  const shapes: ServerShape[] = [];
  for (const group of fields.mappings("endpoints", MOST_GROUPS)) {
    const count = group.integer("count", { min: 1, max: MOST_ENDPOINTS }) ?? 1;
    const shape: ServerShape = {
      cores: group.integer("cores", { min: 1, max: 1_024 }) ?? 2,
      speed: group.number("speed", { min: 0.001, max: 1_000 }) ?? 1,
      zone: group.string("zone", 64) ?? "",
      priority: group.integer("priority", { min: 0, max: HIGHEST_PRIORITY }) ?? 0,
      weight: group.integer("weight", { min: 1, max: 10_000 }) ?? 1,
    };
    group.close();
    for (let i = 0; i < count && shapes.length <= MOST_ENDPOINTS; i++) shapes.push(shape);
  }
  const priorities = new Set(shapes.map(({ priority }) => priority));
  if (Math.max(...priorities) >= priorities.size)
    fields.error("endpoints", "must have priorities without a gap, from 0 up");
  if (shapes.length === 0 && fields.has("endpoints"))
    fields.error("endpoints", "must list one endpoint or more");
  if (shapes.length > MOST_ENDPOINTS) fields.error("endpoints", `must be at most ${MOST_ENDPOINTS} in all`);
  return shapes;
}
