import pino from "pino";
import { type AdminServer, type AdminSources, startAdmin } from "../../sidecar/admin/index.ts";
import type { EndpointView } from "../../sidecar/balancing/balancer.ts";
import { ExchangeRecorder } from "../../sidecar/telemetry/exchange-recorder.ts";
import { Sampler } from "../../sidecar/telemetry/sampler.ts";
import type { ClusterView } from "../../sidecar/upstream/upstream-cluster.ts";
import type { XdsStatus } from "../../xds/client/client-status.ts";
import type { LogLevel } from "../../xds/common/log-level.ts";
import { seededRandom } from "../../xds/common/random.ts";
import { type Configuration, EMPTY_CONFIGURATION } from "../../xds/model/configuration.ts";
import { FakeClock } from "./fake-clock.ts";
import { assignmentModel, clusterModel } from "./model.ts";

export function endpointView(address: string, changes: Partial<EndpointView> = {}): EndpointView {
  return {
    slot: 0,
    address,
    hostname: "",
    locality: "eu/a",
    place: { region: "eu", zone: "a", subZone: "" },
    priority: 0,
    health: "healthy",
    failsChecks: false,
    state: "healthy",
    ejectedForMs: 0,
    staticWeight: 1,
    weight: 1.1,
    weightStep: { target: 1.2, confidence: 0.8, result: 1.1, limitedBy: "step_up" },
    slowStartFactor: 1,
    latencyMs: 12,
    errorRate: 0,
    inFlight: 2,
    oldestInFlightMs: 0,
    share: 0.5,
    picks: 1_000,
    failures: 3,
    lastReportAgeMs: Number.POSITIVE_INFINITY,
    ...changes,
  };
}

export function clusterView(name: string, ...endpoints: EndpointView[]): ClusterView {
  return {
    name,
    clusterVersion: "c1",
    endpointsVersion: "e1",
    model: clusterModel(name, { kind: "static", assignment: assignmentModel(name) }),
    balancer: { policy: "adaptive", weightsGeneration: 7, panic: false, endpoints },
    connections: { active: 3, total: 9, connectFailures: 1, connectTimeouts: 0 },
    endpointConnections: new Map([
      ["10.0.0.1:80", { active: 2, total: 8, connectFailures: 1, connectTimeouts: 0 }],
    ]),
    requests: { active: 2, pending: 0, retrying: 0 },
    overflows: { requests: 0, pending: 0, connections: 0, retries: 0 },
    open: {
      default: { requests: true, pending: false, connections: false, retries: false },
      high: { requests: false, pending: false, connections: false, retries: false },
    },
  };
}

export const XDS_STATUS: XdsStatus = {
  servers: [],
  initialized: true,
  types: [],
  warming: { clusters: [], listeners: [] },
  counters: {
    responses: 0,
    accepted: 0,
    rejected: 0,
    warnings: 0,
    superfluous: 0,
    unreadable: 0,
    configurations: 0,
  },
};

export interface BedOptions {
  readonly clusters?: readonly ClusterView[];
  readonly configuration?: Configuration;
  readonly xds?: XdsStatus;
  readonly host?: string;
  readonly allowRemote?: boolean;
  readonly token?: string;
  readonly sources?: Partial<AdminSources>;
}

/** An admin interface over a sidecar that is not there. */
export class AdminBed {
  readonly admin: AdminServer;
  readonly clock: FakeClock;
  readonly recorder: ExchangeRecorder;
  /** What was asked of the sidecar: `drain`, `quit`, `log debug`. */
  readonly orders: string[];

  private constructor(admin: AdminServer, clock: FakeClock, recorder: ExchangeRecorder, orders: string[]) {
    this.admin = admin;
    this.clock = clock;
    this.recorder = recorder;
    this.orders = orders;
  }

  static async start(options: BedOptions = {}): Promise<AdminBed> {
    const clock = new FakeClock();
    const orders: string[] = [];
    const recorder = new ExchangeRecorder({
      clock,
      logger: pino({ level: "silent" }),
      random: seededRandom(1),
      sampler: new Sampler({ ratio: 1, parentBased: true }),
      spans: undefined,
      accessLog: undefined,
    });
    let level: LogLevel = "info";
    const admin = await startAdmin({
      host: options.host ?? "127.0.0.1",
      port: 0,
      allowRemote: options.allowRemote ?? false,
      token: options.token ?? "",
      clock,
      logger: pino({ level: "silent" }),
      sources: {
        identity: { nodeId: "web-1", nodeCluster: "web", version: "0.1.0", startedAt: clock.wall() },
        state: () => "LIVE",
        missing: () => "",
        configuration: () => options.configuration ?? EMPTY_CONFIGURATION,
        xdsStatus: () => options.xds ?? XDS_STATUS,
        bootstrap: () => ({ node: { id: "web-1", cluster: "web" } }),
        contentOf: () => undefined,
        clusters: () => options.clusters ?? [],
        listeners: () => [],
        callers: () => ({
          downstreamConnections: 4,
          acceptedConnections: 9,
          waitingConnections: 1,
          handshakes: 5,
          mirrors: 6,
          mirrorsDropped: 7,
          refusedConnections: 2,
          reclaimedConnections: 3,
        }),
        decisions: recorder.decisions,
        events: recorder.events,
        metrics: recorder.metrics,
        traffic: recorder.traffic,
        settings: [],
        exportsTo: "",
        writeStats: () => {},
        explain: ({ authority }) => ({
          listener: "outbound",
          route: "orders-all",
          action: "forward",
          cluster: "orders",
          policy: "adaptive",
          reason: "lowest_score",
          chosen: "10.0.0.1:80",
          candidates: [],
          eligible: 1,
          total: 1,
          excluded: [],
          sentence: `${authority} goes to orders`,
        }),
        drain: () => orders.push("drain"),
        quit: () => orders.push("quit"),
        logLevel: () => level,
        setLogLevel: (wanted) => {
          level = wanted;
          orders.push(`log ${wanted}`);
        },
        ...options.sources,
      },
    });
    return new AdminBed(admin, clock, recorder, orders);
  }

  get port(): number {
    return this.admin.address.port;
  }
}
