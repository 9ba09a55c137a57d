import { LOG_LEVELS } from "../../xds/common/log-level.ts";
import { didYouMean } from "../../xds/common/nearest-name.ts";
import { writeMetrics } from "../telemetry/metrics-sheet.ts";
import { StatSheet, type Wanted } from "../telemetry/stat-sheet.ts";
import { writeClusters } from "./cluster-stats.ts";
import { clusterStatus, clustersText } from "./clusters.ts";
import { configDump, DUMP_LISTS } from "./config-dump.ts";
import { writeCallers } from "./connection-stats.ts";
import { decision, decisions, explain, filterOf } from "./decision-handlers.ts";
import type { Handler, HandlerContext } from "./handler.ts";
import { inspectorPage, liveParts } from "./inspector/page.ts";
import { stepText } from "./inspector/weights-section.ts";
import { listenerStatus, listenersText } from "./listeners.ts";
import { patternOf } from "./query.ts";
import { rejectedResources } from "./rejected-resources.ts";
import {
  type AdminAnswer,
  type AdminReply,
  type AdminRequest,
  errorReply,
  htmlReply,
  jsonPieces,
  jsonReply,
  textReply,
} from "./reply.ts";
import { memoryNow, writeServer } from "./server-stats.ts";
import { staticFile } from "./static-files.ts";
import { writeXds } from "./xds-stats.ts";

function get(does: string, answer: Handler["answer"]): Handler {
  return { method: "GET", does, answer };
}

function heavy(does: string, answer: Handler["answer"]): Handler {
  return { method: "GET", does, heavy: true, answer };
}

function post(does: string, answer: Handler["answer"]): Handler {
  return { method: "POST", does, answer };
}

/** The admin interface: Envoy's names for what Envoy has, our own for the rest. GET only reads. */
export const HANDLERS: ReadonlyMap<string, Handler> = new Map([
  ["/", get("the inspector", inspector)],
  ["/help", get("this list", help)],
  ["/ready", get("200 once it serves, 503 before and while draining", ready)],
  ["/live", get("200 while the process runs its event loop", () => textReply("LIVE\n"))],
  ["/clusters", heavy("clusters and their endpoints; ?format=json, ?filter=REGEX", clusters)],
  ["/listeners", get("listeners and where they are bound; ?format=json", listeners)],
  ["/config_dump", heavy("configuration as Envoy dumps it; ?resource ?name_regex ?include_eds", dump)],
  ["/stats", heavy("counters and gauges; ?format=json|prometheus, ?filter=REGEX, ?usedonly", stats)],
  ["/stats/prometheus", heavy("the same for Prometheus", prometheus)],
  ["/metrics", heavy("the same as /stats/prometheus", prometheus)],
  ["/memory", get("memory of the process", memory)],
  ["/server_info", get("version, state, settings", serverInfo)],
  ["/decisions", get("recent decisions; ?cluster ?endpoint ?outcome ?notable=1 ?limit ?follow=1", decisions)],
  ["/explain", { method: "both", does: "what would become of ?method&authority&path", answer: explain }],
  ["/weights", heavy("how each endpoint came to its weight", weights)],
  ["/xds", get("control plane: connection, versions, ACKs and NACKs", xds)],
  ["/logging", { method: "both", does: "the log level; POST ?level= changes it", answer: logging }],
  ["/drain_listeners", post("stops accepting and lets requests end", drain)],
  ["/quitquitquit", post("ends the process in good order", quit)],
]);

/** Finds what answers a path; those with a name in them are not in the table. */
export function handlerOf(path: string): Handler | undefined {
  if (path.startsWith("/decisions/")) return get("one decision", decision);
  if (path.startsWith("/page/")) return get("files of the inspector", page);
  return HANDLERS.get(path);
}

function inspector(request: AdminRequest, { sources, history, clock }: HandlerContext): AdminAnswer {
  const page = { sources, history, now: clock.now(), wall: clock.wall() };
  if (request.query.get("part") === "live")
    return htmlReply(liveParts(page, request.query.get("cluster") || undefined).text);
  return htmlReply(inspectorPage(page, filterOf(request)));
}

function help(): AdminReply {
  const lines = [...HANDLERS].map(
    ([path, { method, does }]) =>
      `${path}: ${does}${method === "GET" ? "" : ` (${method === "both" ? "GET, POST" : method})`}\n`,
  );
  return textReply(lines.join(""));
}

function page({ path }: AdminRequest): AdminReply {
  return staticFile(path.slice("/page/".length)) ?? errorReply(404, "there is no such file");
}

function ready(_: AdminRequest, { sources }: HandlerContext): AdminReply {
  const state = sources.state();
  if (state === "LIVE") return textReply("LIVE\n");
  const missing = sources.missing();
  return textReply(missing === "" ? `${state}\n` : `${state}: ${missing}\n`, 503);
}

function clusters(request: AdminRequest, { sources }: HandlerContext): AdminReply {
  const pattern = patternOf(request.query, "filter");
  if ("error" in pattern) return errorReply(400, pattern.error);
  const { regex } = pattern;
  const views = sources.clusters().filter(({ name }) => regex?.matcher(name).find() ?? true);
  if (wantsJson(request)) return jsonReply({ cluster_statuses: views.map(clusterStatus) });
  return { ...textReply(""), body: clustersText(views) };
}

function listeners(request: AdminRequest, { sources }: HandlerContext): AdminReply {
  const views = sources.listeners();
  if (wantsJson(request)) return jsonReply({ listener_statuses: views.map(listenerStatus) });
  return textReply(listenersText(views));
}

function dump({ query }: AdminRequest, { sources }: HandlerContext): AdminReply {
  const resource = query.get("resource") ?? undefined;
  if (resource !== undefined && !DUMP_LISTS.includes(resource)) {
    return errorReply(
      400,
      `resource must be one of ${DUMP_LISTS.join(", ")}${didYouMean(resource, DUMP_LISTS)}`,
    );
  }
  if (query.has("mask"))
    return errorReply(400, "mask is not supported: resource and name_regex narrow the dump");
  const pattern = patternOf(query, "name_regex");
  if ("error" in pattern) return errorReply(400, pattern.error);
  const includeEndpoints = query.has("include_eds");
  return jsonPieces(configDump(sources, { resource, name: pattern.regex, includeEndpoints }));
}

function stats(request: AdminRequest, context: HandlerContext): AdminReply {
  const format = request.query.get("format");
  if (format === "prometheus") return prometheus(request, context);
  const wanted = wantedStats(request);
  if (typeof wanted !== "function") return wanted;
  const sheet = sheetOf(context);
  return format === "json" ? jsonReply({ stats: sheet.list(wanted) }) : textReply(sheet.text(wanted));
}

function prometheus(request: AdminRequest, context: HandlerContext): AdminReply {
  const wanted = wantedStats(request);
  if (typeof wanted !== "function") return wanted;
  const text = sheetOf(context).prometheus(wanted);
  return { ...textReply(text), type: "text/plain; version=0.0.4; charset=utf-8" };
}

/** Names by the filter; with `usedonly` those alone that ever counted something. Or what is wrong with the query. */
function wantedStats({ query }: AdminRequest): Wanted | AdminReply {
  const pattern = patternOf(query, "filter");
  if ("error" in pattern) return errorReply(400, pattern.error);
  const { regex } = pattern;
  const usedOnly = query.has("usedonly");
  return (name, value) => (!usedOnly || value !== 0) && (regex?.matcher(name).find() ?? true);
}

function sheetOf({ sources, clock }: HandlerContext): StatSheet {
  const sheet = new StatSheet();
  const { listeners } = sources.configuration();
  writeMetrics(sources.metrics, (name) => listeners.get(name)?.value.filter.statPrefix || name, sheet);
  writeCallers(sources.callers(), sheet);
  writeClusters(sources.clusters(), sheet);
  writeXds(sources.xdsStatus(), sheet);
  writeServer(sources, Math.round((clock.wall() - sources.identity.startedAt) / 1_000), sheet);
  sources.writeStats(sheet);
  return sheet;
}

/** 64-bit numbers are text in protobuf's JSON. */
function memory(): AdminReply {
  return jsonReply(
    Object.fromEntries(Object.entries(memoryNow()).map(([name, bytes]) => [name, String(bytes)])),
  );
}

function serverInfo(_: AdminRequest, { sources, clock }: HandlerContext): AdminReply {
  const { identity, settings, exportsTo } = sources;
  const uptime = `${Math.round((clock.wall() - identity.startedAt) / 1_000)}s`;
  const { node } = sources.bootstrap();
  return jsonReply({
    version: `dashpot/${identity.version}`,
    state: sources.state(),
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    node,
    dashpot: { nodejs: process.version, traces_to: exportsTo || null, settings },
  });
}

function weights(_: AdminRequest, { sources }: HandlerContext): AdminReply {
  const clusters = sources.clusters().map(({ name, balancer }) => ({
    cluster: name,
    generation: balancer.weightsGeneration,
    endpoints: balancer.endpoints.map(({ address, weight, staticWeight, slowStartFactor, weightStep }) => ({
      address,
      weight,
      staticWeight,
      slowStartFactor,
      step: { ...weightStep, inWords: stepText(weightStep) },
    })),
  }));
  return jsonReply({ clusters, history: sources.events.weights(), changes: sources.events.states() });
}

function xds(_: AdminRequest, { sources }: HandlerContext): AdminReply {
  const status = sources.xdsStatus();
  return jsonReply({ ...status, rejected: rejectedResources(status) });
}

function logging(request: AdminRequest, { sources }: HandlerContext): AdminReply {
  const wanted = request.query.get("level");
  if (wanted !== null && request.method === "POST") {
    const level = LOG_LEVELS.find((name) => name === wanted);
    if (!level) {
      return errorReply(
        400,
        `level must be one of ${LOG_LEVELS.join(", ")}${didYouMean(wanted, LOG_LEVELS)}`,
      );
    }
    sources.setLogLevel(level);
  } else if (wanted !== null) {
    return errorReply(405, "changing the log level needs a POST");
  }
  return textReply(`${sources.logLevel()}\n`);
}

function drain(_: AdminRequest, { sources }: HandlerContext): AdminReply {
  sources.drain();
  return textReply("OK\n");
}

function quit(_: AdminRequest, { sources }: HandlerContext): AdminReply {
  sources.quit();
  return textReply("OK\n");
}

function wantsJson({ query }: AdminRequest): boolean {
  return query.get("format") === "json";
}
