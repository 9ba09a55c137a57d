import type { Socket } from "node:net";
import { LiveSet } from "../../xds/common/live-set.ts";
import type { Versioned } from "../../xds/model/configuration.ts";
import type { HttpFilter, Listener } from "../../xds/model/listener.ts";
import type { RouteTable } from "../../xds/model/route-table.ts";
import { DEFAULT_LIMITS } from "../codec/limits.ts";
import type { RequestOptions } from "../codec/request-reader.ts";
import { compileRouteTable } from "../routing/index.ts";
import type { ConnectionService } from "./connection-service.ts";
import type { HttpRoutes } from "./http-routes.ts";
import type { DownstreamOwner } from "./http1-downstream-connection.ts";
import { Http1DownstreamConnection } from "./http1-downstream-connection.ts";
import type { ProxyContext } from "./proxy-context.ts";
import { viaHops } from "./request-fields.ts";

/** What a port does with its connections when they speak HTTP. */
export class HttpService implements ConnectionService, DownstreamOwner {
  readonly scheme: "http" | "https";
  routes: HttpRoutes;
  draining = false;
  readonly #context: ProxyContext;
  readonly #connections = new LiveSet<Http1DownstreamConnection>();
  #table: Versioned<RouteTable>;

  constructor(context: ProxyContext, listener: Listener, filter: HttpFilter, table: Versioned<RouteTable>) {
    this.#context = context;
    this.scheme = listener.tls ? "https" : "http";
    this.#table = table;
    this.routes = this.#compile(listener.name, filter, table);
  }

  /** Requests from now on are routed by this; those under way keep what they began with. */
  update(name: string, filter: HttpFilter, table: Versioned<RouteTable>): void {
    if (filter === this.routes.filter && table === this.#table) return;
    const last = this.routes.filter;
    this.routes = this.#compile(name, filter, table);
    this.#table = table;
    if (filter.idleTimeoutMs === last.idleTimeoutMs) return;
    for (const connection of this.#connections) connection.retime();
  }

  onConnection(socket: Socket): void {
    // It waited for a place, and has ended without a request.
    if (socket.readableEnded) {
      socket.destroy();
      return;
    }
    this.#context.counts.downstreamConnections++;
    this.#connections.add(new Http1DownstreamConnection(socket, this));
  }

  onClosed(connection: Http1DownstreamConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#context.counts.downstreamConnections--;
    this.#context.callers.onRoom();
  }

  drain(): void {
    this.draining = true;
    for (const connection of this.#connections) connection.drain();
  }

  closeRested(restedMs: number, most: number): number {
    const before = this.#context.clock.now() - restedMs;
    let closed = 0;
    for (const connection of this.#connections) {
      if (closed === most) break;
      if (connection.restsSince > before) continue;
      connection.closeRested();
      closed++;
    }
    return closed;
  }

  close(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  get bufferedBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections) bytes += connection.bufferedBytes;
    return bytes;
  }

  #compile(listener: string, filter: HttpFilter, table: Versioned<RouteTable>): HttpRoutes {
    const context = this.#context;
    const compiled = compileRouteTable(table.value, {
      random: context.random,
      environment: context.environment,
      fault: filter.fault,
    });
    const reading: RequestOptions = {
      limits: {
        ...DEFAULT_LIMITS,
        maxHeadBytes: filter.maxRequestHeadersBytes,
        maxFields: filter.maxHeadersCount,
        maxTargetBytes: context.limits.maxTargetBytes,
        maxChunkLineBytes: context.limits.maxChunkLineBytes,
      },
      scheme: this.scheme,
      underscores: filter.underscores,
    };
    const via = viaHops(filter, context.viaName);
    return { context, listener, filter, reading, via, table: compiled, version: table.version };
  }
}
