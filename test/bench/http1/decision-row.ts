import { Evidence } from "../../../sidecar/balancing/evidence.ts";
import { createBalancer } from "../../../sidecar/balancing/index.ts";
import { OUTCOME } from "../../../sidecar/balancing/outcome.ts";
import { systemClock } from "../../../xds/common/clock.ts";
import { seededRandom } from "../../../xds/common/random.ts";
import * as tables from "../../routing/tables.ts";
import { assignmentModel } from "../../support/model.ts";
import { percentile, rounded } from "./numbers.ts";
import type { Effort } from "./rows.ts";

const ENDPOINTS = 32;
const ROUTES = 100;
const IN_FLIGHT = 64;
const WARM_UP = 50_000;
const NOT_TRIED = { hash: undefined, tried: [] };

/**
 * What a decision takes: finding the route among a hundred of one host, each asked for equally often, and the adaptive pick. In this
 * process, with as many attempts under way as the load rows have.
 */
export function decisionRow({ decisions }: Effort): object {
  const routes = Array.from({ length: ROUTES }, (_, i) =>
    tables.route(`r${i}`, {
      match: tables.match({ path: { kind: "prefix", value: `/service-${i}/`, ignoreCase: false } }),
    }),
  );
  const table = tables.compile(tables.table([tables.host("all", ["*"], { routes })]));
  const heads = routes.map((_, i) => tables.request({ target: `/service-${i}/items?page=2` }));
  const balancer = createBalancer({ kind: "adaptive" }, {}, { clock: systemClock, random: seededRandom(1) });
  const addresses = Array.from({ length: ENDPOINTS }, (_, i) => `10.0.0.${i + 1}:80`);
  balancer.update(assignmentModel("all", ...addresses));
  const evidence = new Evidence();
  const underWay: number[] = [];
  const times = new Float64Array(decisions);
  for (let i = -WARM_UP; i < decisions; i++) {
    const head = heads[Math.abs(i * 37) % ROUTES] as (typeof heads)[number];
    const begun = performance.now();
    const route = table.route(head, "127.0.0.1:1");
    const slot = balancer.pick(NOT_TRIED, evidence);
    const ended = performance.now();
    if (!route || slot < 0) throw new Error("no decision");
    if (i >= 0) times[i] = (ended - begun) * 1_000;
    underWay.push(balancer.onStart(slot));
    if (underWay.length > IN_FLIGHT) balancer.onEnd(underWay.shift() as number, OUTCOME.success);
  }
  const of = Array.from(times);
  return {
    endpoints: ENDPOINTS,
    routes: ROUTES,
    p50Us: rounded(percentile(of, 0.5)),
    p99Us: rounded(percentile(of, 0.99)),
  };
}
