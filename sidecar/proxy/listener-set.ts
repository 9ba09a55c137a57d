import type { Configuration, Versioned } from "../../xds/model/configuration.ts";
import type { Listener, SocketAddress } from "../../xds/model/listener.ts";
import type { RouteTable } from "../../xds/model/route-table.ts";
import { HttpService } from "./http-service.ts";
import { Port } from "./port.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { TcpService } from "./tcp-service.ts";

/** One listener as a person reads it. */
export interface ListenerView {
  readonly name: string;
  readonly version: string;
  /** What was configured; undefined: an api_listener without a port of the sidecar's own. */
  readonly address: SocketAddress | undefined;
  /** What is really bound; undefined: not yet, or it failed. */
  readonly bound: SocketAddress | undefined;
  readonly failure: string;
  readonly kind: "http" | "tcp";
  readonly routes: string;
}

interface Running {
  readonly source: Versioned<Listener>;
  readonly routes: Versioned<RouteTable> | undefined;
  readonly port: Port;
  readonly service: HttpService | TcpService;
  /** Why a newer version did not take this one's place; empty: none tried. */
  readonly refused: string;
}

/** The listeners in use, by name. */
export class ListenerSet {
  readonly #context: ProxyContext;
  readonly #apiAddress: SocketAddress | undefined;
  readonly #running = new Map<string, Running>();
  #draining = false;

  /** @param apiAddress where listeners without an address of their own (api_listener) are bound; undefined: nowhere. */
  constructor(context: ProxyContext, apiAddress: SocketAddress | undefined) {
    this.#context = context;
    this.#apiAddress = apiAddress;
  }

  /** Resolves when every port that is new is bound or has failed. Parts that did not change are not touched. */
  async apply(configuration: Configuration): Promise<void> {
    const addresses = this.#addresses(configuration);
    for (const [name, running] of this.#running) {
      if (addresses.has(name)) continue;
      this.#running.delete(name);
      retire(running);
    }
    const opening: Promise<void>[] = [];
    for (const [name, address] of addresses) {
      const source = configuration.listeners.get(name) as Versioned<Listener>;
      const routes = routesOf(source.value, configuration);
      const running = this.#running.get(name);
      if (running && running.source === source && running.routes === routes) continue;
      opening.push(this.#start(name, source, address, routes, running));
    }
    await Promise.all(opening);
  }

  /**
   * What is to be bound where. Listeners without an address are made for gRPC clients, and a control server gives a sidecar that
   * asks for everything those too: the first gets the sidecar's own port, unless a listener proper has it.
   */
  #addresses(configuration: Configuration): Map<string, SocketAddress> {
    const addresses = new Map<string, SocketAddress>();
    for (const [name, { value }] of configuration.listeners) {
      if (value.address) addresses.set(name, value.address);
    }
    const own = this.#apiAddress;
    if (!own || [...addresses.values()].some((address) => sameAddress(address, own))) return addresses;
    for (const [name, { value }] of configuration.listeners) {
      if (value.address) continue;
      addresses.set(name, own);
      break;
    }
    return addresses;
  }

  views(): readonly ListenerView[] {
    return [...this.#running].map(([name, { source, port, routes, refused }]) => ({
      name,
      version: source.version,
      address: source.value.address,
      bound: port.bound,
      failure: port.failure || refused,
      kind: source.value.filter.kind,
      routes: routes?.value.name ?? "",
    }));
  }

  services(): readonly (HttpService | TcpService)[] {
    return [...this.#running.values()].map(({ service }) => service);
  }

  drain(): void {
    this.#draining = true;
    for (const { service } of this.#running.values()) service.drain();
  }

  close(): void {
    for (const { port, service } of this.#running.values()) {
      port.close();
      service.close();
    }
    this.#running.clear();
  }

  #start(
    name: string,
    source: Versioned<Listener>,
    address: SocketAddress,
    routes: Versioned<RouteTable> | undefined,
    last: Running | undefined,
  ): Promise<void> {
    const listener = source.value;
    const { filter } = listener;
    if (last && sameAddress(last.port.options.address, address) && !listener.tls && !last.source.value.tls) {
      if (update(last.service, name, filter, routes)) {
        this.#running.set(name, { ...last, source, routes, refused: "" });
        return Promise.resolve();
      }
    }
    const service = this.#createService(listener, routes);
    if (!service) return Promise.resolve();
    const port = new Port(
      this.#context,
      {
        listener: name,
        address,
        backlog: listener.backlog,
        bufferLimitBytes: listener.bufferLimitBytes,
        tls: listener.tls,
      },
      service,
    );
    // What cannot work does not take the place of what does.
    if (port.failure !== "" && last) {
      const refused = `version ${source.version} is not in use: ${port.failure}`;
      this.#running.set(name, { ...last, refused });
      return Promise.resolve();
    }
    if (last) retire(last);
    this.#running.set(name, { source, routes, port, service, refused: "" });
    return port.open();
  }

  #createService(
    listener: Listener,
    routes: Versioned<RouteTable> | undefined,
  ): HttpService | TcpService | undefined {
    const { filter } = listener;
    if (filter.kind === "tcp") return new TcpService(this.#context, filter);
    if (!routes) return undefined;
    const service = new HttpService(this.#context, listener, filter, routes);
    service.draining = this.#draining;
    return service;
  }
}

function update(
  service: HttpService | TcpService,
  name: string,
  filter: Listener["filter"],
  routes: Versioned<RouteTable> | undefined,
): boolean {
  if (service instanceof HttpService && filter.kind === "http" && routes)
    service.update(name, filter, routes);
  else if (service instanceof TcpService && filter.kind === "tcp") service.update(filter);
  else return false;
  return true;
}

function retire({ port, service }: Running): void {
  port.close();
  service.drain();
}

function sameAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a.host === b.host && a.port === b.port;
}

function routesOf(
  { name, filter }: Listener,
  configuration: Configuration,
): Versioned<RouteTable> | undefined {
  if (filter.kind !== "http") return undefined;
  return configuration.routeTables.get(filter.routes.kind === "rds" ? filter.routes.name : `inline:${name}`);
}
