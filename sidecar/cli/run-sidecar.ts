import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { RECONNECT_BACKOFF } from "../../xds/client/ads-connection.ts";
import type { AdsTransport } from "../../xds/client/ads-transport.ts";
import { modelDecoders } from "../../xds/client/decoders.ts";
import { nodeJson, nodeMessage } from "../../xds/client/node-identity.ts";
import { XdsClient } from "../../xds/client/xds-client.ts";
import { BindError } from "../../xds/common/bind-error.ts";
import { systemClock } from "../../xds/common/clock.ts";
import type { Environment } from "../../xds/common/environment.ts";
import type { LogLevel } from "../../xds/common/log-level.ts";
import type { Logger } from "../../xds/common/logger.ts";
import { seededRandom } from "../../xds/common/random.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import { type ModelContext, XDS_CONTEXT } from "../../xds/model/resource-type.ts";
import { startAdmin } from "../admin/index.ts";
import { DEFAULT_POLICIES } from "../balancing/index.ts";
import { createProxy, type SidecarProxy } from "../proxy/index.ts";
import { createTelemetry, type Telemetry } from "../telemetry/telemetry.ts";
import { outbox } from "../upstream/outbox.ts";
import type { Bootstrap } from "./bootstrap.ts";
import { type Placed, staticContent } from "./bootstrap-static.ts";
import { connectionsWithin, openFilesLimit } from "./open-files.ts";
import { Readiness } from "./readiness.ts";
import { releaseMemory } from "./release-memory.ts";
import { dashpotVersion } from "./version.ts";

/** How long the answer to a probe of the control server may take, in ms. */
const KEEPALIVE_TIMEOUT_MS = 10_000;

export interface SidecarOptions {
  readonly bootstrap: Bootstrap;
  readonly logger: Logger;
  readonly env: Environment;
}

/** A sidecar at work. */
export interface RunningSidecar {
  readonly proxy: SidecarProxy;
  readonly telemetry: Telemetry;
  /** Where the admin really listens, as `host:port`. */
  readonly adminAddress: string;
  /** Resolves when the first whole configuration is in use and its ports are bound. */
  readonly ready: Promise<void>;
  /** Resolves when the admin was asked to end the process. */
  readonly quit: Promise<void>;
  /** Serves on until it is quiet, or until the deadline of the settings. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Puts a sidecar together, in the order in which it is used: what records, what carries requests, what brings configuration,
 * what shows it all.
 *
 * @throws a system error when a static listener or the admin cannot be bound.
 */
export async function startSidecar({ bootstrap, logger, env }: SidecarOptions): Promise<RunningSidecar> {
  const { node, settings } = bootstrap;
  const clock = systemClock;
  const random = seededRandom(randomInt(2 ** 48 - 1));
  const version = dashpotVersion();

  const telemetry = await createTelemetry({
    clock,
    logger,
    environment: env,
    version,
    nodeId: node.id,
    serviceName: node.cluster,
    sampleRatio: settings.traceSampleRatio,
    accessLog: settings.accessLog,
    ringSize: settings.decisionRingSize,
    slowMs: settings.slowDecisionMs,
    longestText: settings.maxRecordedTextChars,
  });

  const connections = connectionsWithin(openFilesLimit());
  const waiting = Math.min(settings.maxWaitingConnections, Math.floor(connections / 8));
  const served = Math.min(settings.maxConnections, connections - waiting);
  if (served < settings.maxConnections)
    logger.info(
      { connections: served },
      "the limit on open files (ulimit -n) allows fewer connections than max_connections",
    );
  const proxy = createProxy({
    clock,
    random,
    logger,
    recorder: telemetry.recorder,
    defaultPolicy: DEFAULT_POLICIES[settings.defaultPolicy],
    localZone: node.locality.zone,
    apiListenerAddress: settings.outboundAddress,
    limits: {
      maxDownstreamConnections: served,
      maxWaitingConnections: waiting,
      maxUpstreamConnections: connections,
      freeRetries: settings.freeRetries,
      replayBytesPerRequest: settings.replayBufferBytes,
      replayBytesTotal: settings.replayBufferTotalBytes,
      maxTargetBytes: settings.maxUrlBytes,
      maxResponseHeadBytes: settings.maxResponseHeadBytes,
      maxResponseFields: settings.maxResponseHeaders,
      maxInformationalResponses: settings.maxInformationalResponses,
      maxChunkLineBytes: settings.maxChunkLineBytes,
      allowUnframedTlsResponses: settings.allowUnframedTlsResponses,
      dnsTimeoutMs: settings.dnsTimeoutMs,
    },
    onBalancerEvent: (cluster, event) => telemetry.recorder.onBalancerEvent(cluster, event),
  });

  // Also where the process is ended at once, answers that were given leave, and what breaks off is seen to break off.
  const breakOff = (): void => {
    proxy.close();
    outbox.flush();
  };
  process.on("exit", breakOff);

  const xds = new XdsClient({
    transport: await transportOf(bootstrap),
    roots: dynamicRoots(bootstrap),
    node: nodeMessage(node, version),
    listeners: placedValues(bootstrap.resources.listeners),
    clusters: placedValues(bootstrap.resources.clusters),
    decoders: modelDecoders(modelContext(bootstrap)),
    clock,
    random,
    logger,
    backoff: { ...RECONNECT_BACKOFF, maxMs: settings.xdsBackoffMaxMs },
    applyIntervalMs: settings.xdsApplyIntervalMs,
    onConfiguration: (next) => {
      applied = proxy.apply(next);
    },
  });
  let applied = Promise.resolve();
  // All is loaded and nothing listens yet: nobody waits for this but the start itself.
  releaseMemory();
  xds.start();
  await applied;
  refuseUnboundStatics(bootstrap, proxy);
  const readiness = new Readiness(proxy, xds, clock);
  readiness.settled.then(() => logger.info({ node: node.id }, "ready"));

  const quit = Promise.withResolvers<void>();
  let draining = false;
  const drain = (): Promise<void> => {
    draining = true;
    return proxy.drain({ deadlineMs: settings.drainDeadlineMs, minimumMs: settings.drainMinMs });
  };
  const admin = await startAdmin({
    ...bootstrap.admin,
    allowRemote: settings.adminAllowRemote,
    token: settings.adminTokenFile === "" ? "" : readFileSync(settings.adminTokenFile, "utf8").trim(),
    clock,
    logger,
    sources: {
      identity: { nodeId: node.id, nodeCluster: node.cluster, version, startedAt: clock.wall() },
      missing: () => readiness.missing,
      state: () => (draining ? "DRAINING" : readiness.missing === "" ? "LIVE" : "INITIALIZING"),
      configuration: () => xds.configuration,
      xdsStatus: () => xds.status(),
      bootstrap: () => ({ node: nodeJson(node, version), ...bootstrap.written }),
      contentOf: (origin, typeUrl, name) =>
        origin === "static"
          ? staticContent(bootstrap.resources, typeUrl, name)
          : xds.contentOf(typeUrl, name),
      clusters: () => proxy.clusters(),
      listeners: () => proxy.listeners(),
      callers: () => proxy.counts(),
      decisions: telemetry.recorder.decisions,
      events: telemetry.recorder.events,
      metrics: telemetry.recorder.metrics,
      traffic: telemetry.recorder.traffic,
      settings: [...bootstrap.effective, ...telemetry.effective],
      exportsTo: telemetry.exportsTo,
      writeStats: (sheet) => telemetry.writeStats(sheet),
      explain: (request) => proxy.explain(request),
      drain: () => void drain(),
      quit: () => quit.resolve(),
      logLevel: () => logger.level as LogLevel,
      setLogLevel(level) {
        logger.level = level;
      },
    },
  });
  const adminAddress = endpointAddress(admin.address.host, admin.address.port);
  logger.info({ address: adminAddress }, "the admin listens");

  return {
    proxy,
    telemetry,
    adminAddress,
    ready: readiness.settled,
    quit: quit.promise,
    drain,
    async close() {
      xds.close();
      proxy.close();
      await Promise.all([admin.close(), telemetry.shutdown()]);
      process.off("exit", breakOff);
    },
  };
}

/** gRPC is loaded where there is a control server only: it costs every sidecar's start 60 modules. */
async function transportOf({ dynamic, settings }: Bootstrap): Promise<AdsTransport | undefined> {
  if (dynamic === undefined) return undefined;
  const { GrpcTransport } = await import("../../xds/client/ads-transport.ts");
  return new GrpcTransport({
    server: dynamic.server,
    receiveLimitBytes: settings.xdsReceiveLimitBytes,
    keepaliveMs: settings.xdsKeepaliveMs,
    keepaliveTimeoutMs: KEEPALIVE_TIMEOUT_MS,
  });
}

function dynamicRoots({ dynamic }: Bootstrap): { listeners: boolean; clusters: boolean } {
  return { listeners: dynamic?.listeners ?? false, clusters: dynamic?.clusters ?? false };
}

function modelContext({ settings }: Bootstrap): ModelContext {
  return {
    ...XDS_CONTEXT,
    allowUnverifiedUpstream: settings.allowUnverifiedUpstream,
    certificateDirectories: settings.certificateDirectories,
  };
}

function placedValues<T>(placed: ReadonlyMap<string, Placed<T>>): T[] {
  return Array.from(placed.values(), ({ value }) => value);
}

/** What comes over xDS may fail and be mended later; a port of the operator's own file that is taken is a mistake to tell at once. */
function refuseUnboundStatics({ resources }: Bootstrap, proxy: SidecarProxy): void {
  for (const { name, address, failure } of proxy.listeners()) {
    if (failure === "" || address === undefined || !resources.listeners.has(name)) continue;
    throw new BindError(endpointAddress(address.host, address.port), failure);
  }
}
