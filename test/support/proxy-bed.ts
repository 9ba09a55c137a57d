import pino from "pino";
import type { ProxyLimits } from "../../sidecar/proxy/index.ts";
import { createProxy, type SidecarProxy } from "../../sidecar/proxy/index.ts";
import type { Clock } from "../../xds/common/clock.ts";
import { systemClock } from "../../xds/common/clock.ts";
import { seededRandom } from "../../xds/common/random.ts";
import type { Cluster } from "../../xds/model/cluster.ts";
import type { ClusterConfiguration, Configuration, Versioned } from "../../xds/model/configuration.ts";
import type { HttpFilter, Listener } from "../../xds/model/listener.ts";
import type { Route, RouteAction, RouteTable, VirtualHost } from "../../xds/model/route-table.ts";
import { assignmentModel, clusterModel, httpFilterModel } from "./model.ts";
import { RawConnection } from "./raw-http.ts";
import { RecordingRecorder } from "./recording-recorder.ts";
import * as model from "./route-model.ts";

export function versioned<T>(value: T, version = "static"): Versioned<T> {
  return { value, version, since: 0 };
}

/** What comes in goes out as it is, so that tests see what they sent. */
export const HTTP_FILTER: HttpFilter = httpFilterModel(
  { kind: "rds", name: "routes", initialFetchTimeoutMs: 0 },
  { generateRequestId: false, normalizePath: false },
);

export function forward(cluster: string, changes: Partial<RouteAction> = {}): RouteAction {
  return model.forward({ cluster: { kind: "cluster", cluster }, ...changes });
}

export function route(action: Route["action"], changes: Partial<Route> = {}): Route {
  return model.route("all", { action, ...changes });
}

export function virtualHost(domain: string, ...routes: Route[]): VirtualHost {
  return model.host(domain, [domain], { routes });
}

export function routeTable(...virtualHosts: VirtualHost[]): RouteTable {
  return model.table(virtualHosts, { name: "routes", ignorePortInHostMatching: true });
}

/** A cluster of backends on loopback ports; round robin in their order, so that tests know who is asked first. */
export function cluster(
  name: string,
  ports: readonly number[],
  changes: Partial<Cluster> = {},
): ClusterConfiguration {
  const assignment = assignmentModel(name, ...ports.map((port) => `127.0.0.1:${port}`));
  const model = clusterModel(
    name,
    { kind: "static", assignment },
    {
      balancing: { kind: "round_robin", slowStart: undefined },
      ...changes,
    },
  );
  return { cluster: versioned(model), assignment: versioned(assignment) };
}

export interface BedOptions {
  readonly clusters: readonly ClusterConfiguration[];
  /** Default: host `orders` to cluster `orders`. */
  readonly table?: RouteTable;
  readonly filter?: Partial<HttpFilter>;
  readonly listener?: Partial<Listener>;
  readonly clock?: Clock;
  readonly limits?: Partial<ProxyLimits>;
}

/** A proxy on a free loopback port, with everything a test looks at. */
export class ProxyBed {
  readonly proxy: SidecarProxy;
  readonly recorder = new RecordingRecorder();
  /** The messages that were logged, at info and above. */
  readonly logged: string[] = [];
  port = 0;
  #generation = 0;

  private constructor(options: BedOptions) {
    this.proxy = createProxy({
      clock: options.clock ?? systemClock,
      random: seededRandom(1),
      logger: pino({ level: "info" }, { write: (line) => this.logged.push(JSON.parse(line).msg) }),
      recorder: this.recorder,
      ...(options.limits ? { limits: options.limits } : {}),
    });
  }

  static async start(options: BedOptions): Promise<ProxyBed> {
    const bed = new ProxyBed(options);
    await bed.apply(options);
    bed.port = bed.proxy.listeners()[0]?.bound?.port ?? 0;
    return bed;
  }

  apply(options: BedOptions): Promise<void> {
    return this.proxy.apply(configurationOf(options, ++this.#generation));
  }

  connect(): Promise<RawConnection> {
    return RawConnection.open(this.port);
  }

  /** One request on a connection of its own. */
  async ask(request: string): Promise<string> {
    const connection = await this.connect();
    connection.send(request);
    const answer = await connection.takeMessage();
    connection.socket.destroy();
    return answer;
  }

  async close(): Promise<void> {
    this.proxy.close();
  }
}

export function configurationOf(options: BedOptions, generation = 1): Configuration {
  const table = options.table ?? routeTable(virtualHost("orders", route(forward("orders"))));
  const listener: Listener = {
    name: "outbound",
    address: { host: "127.0.0.1", port: 0 },
    bufferLimitBytes: 1024 * 1024,
    backlog: undefined,
    tls: undefined,
    filter: { ...HTTP_FILTER, ...options.filter },
    ...options.listener,
  };
  return {
    generation,
    listeners: new Map([[listener.name, versioned(listener)]]),
    routeTables: new Map([["routes", versioned(table)]]),
    clusters: new Map(options.clusters.map((one) => [one.cluster.value.name, one])),
  };
}

export const GET = "GET / HTTP/1.1\r\nHost: orders\r\n\r\n";
