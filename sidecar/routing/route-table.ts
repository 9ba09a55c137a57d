import type { Random } from "../../xds/common/random.ts";
import type { FaultPolicy, Route, RouteTable, VirtualHost } from "../../xds/model/route-table.ts";
import type { RequestHead } from "../codec/head.ts";
import { compileRoute, httpsRedirect } from "./compile-route.ts";
import type { CompiledRoute } from "./compiled-route.ts";
import { Domains } from "./domains.ts";
import type { FormatEnvironment } from "./format.ts";
import { drawn, isGrpc, matchesHeader, matchesQuery } from "./matching.ts";
import { PathIndex } from "./path-index.ts";
import { PathMatcher } from "./path-matcher.ts";
import { isPrivateAddress } from "./private-address.ts";

export interface CompileOptions {
  /** Draws fractions and weighted clusters. */
  readonly random: Random;
  readonly environment: FormatEnvironment;
  /** The listener's own fault filter, which routes override. */
  readonly fault: FaultPolicy | undefined;
}

/** A route's match and, side by side, its outcomes with the upper ends of their shares. */
class RouteEntry {
  readonly #route: Route;
  readonly #path: PathMatcher;
  /** Nothing but the path decides: the common case. */
  readonly #pathOnly: boolean;
  readonly #outcomes: readonly CompiledRoute[];
  readonly #upTo: readonly number[];

  constructor(route: Route, outcomes: readonly CompiledRoute[], weights: readonly number[]) {
    this.#route = route;
    this.#path = new PathMatcher(route.match.path);
    const { headers, query, grpcOnly, fraction } = route.match;
    this.#pathOnly = headers.length === 0 && query.length === 0 && !grpcOnly && fraction === undefined;
    this.#outcomes = outcomes;
    let sum = 0;
    this.#upTo = weights.map((weight) => (sum += weight));
  }

  matches(head: RequestHead, pathEnd: number, random: Random): boolean {
    if (!this.#path.matches(head.method, head.target, pathEnd)) return false;
    if (this.#pathOnly) return true;
    const { headers, query, grpcOnly, fraction } = this.#route.match;
    for (const match of headers) if (!matchesHeader(match, head)) return false;
    for (const match of query) if (!matchesQuery(match, head.target)) return false;
    if (grpcOnly && !isGrpc(head.fields)) return false;
    // Last, so that a route draws only for requests that are otherwise its own.
    return fraction === undefined || drawn(fraction, random);
  }

  outcome(random: Random): CompiledRoute {
    const last = this.#outcomes.length - 1;
    if (last === 0) return this.#outcomes[0] as CompiledRoute;
    const point = random() * (this.#upTo[last] as number);
    let i = 0;
    while (i < last && point >= (this.#upTo[i] as number)) i++;
    return this.#outcomes[i] as CompiledRoute;
  }
}

interface HostEntry {
  readonly requireTls: VirtualHost["requireTls"];
  readonly toHttps: CompiledRoute;
  readonly routes: readonly RouteEntry[];
  readonly index: PathIndex;
}

/** A route table made ready for requests. Immutable: new configuration makes a new one. */
export class CompiledTable {
  readonly name: string;
  readonly #domains: Domains<HostEntry>;
  readonly #random: Random;

  constructor(name: string, domains: Domains<HostEntry>, random: Random) {
    this.name = name;
    this.#domains = domains;
    this.#random = random;
  }

  /**
   * The first route of the host's that matches; undefined: none (404). `remoteAddress` (`address:port`) is
   * looked at only where a virtual host asks external callers for TLS.
   */
  route(head: RequestHead, remoteAddress: string): CompiledRoute | undefined {
    const host = this.#domains.find(head.authority);
    if (host === undefined) return undefined;
    if (host.requireTls !== "none" && head.scheme !== "https") {
      if (host.requireTls === "all" || !isPrivateAddress(remoteAddress)) return host.toHttps;
    }
    const { target } = head;
    const question = target.indexOf("?");
    const pathEnd = question < 0 ? target.length : question;
    const { routes, index } = host;
    for (let i = index.next(target, pathEnd, 0); i < routes.length; i = index.next(target, pathEnd, i + 1)) {
      const entry = routes[i] as RouteEntry;
      if (entry.matches(head, pathEnd, this.#random)) return entry.outcome(this.#random);
    }
    return undefined;
  }
}

export function compileRouteTable(table: RouteTable, options: CompileOptions): CompiledTable {
  const domains = new Domains<HostEntry>(table.ignorePortInHostMatching);
  for (const host of table.virtualHosts) {
    const routes = host.routes.map((route) => {
      const { outcomes, weights } = compileRoute(table, host, route, options);
      return new RouteEntry(route, outcomes, weights);
    });
    const index = new PathIndex(host.routes.map(({ match }) => match.path));
    const entry = { requireTls: host.requireTls, toHttps: httpsRedirect(host), routes, index };
    for (const domain of host.domains) domains.add(domain, entry);
  }
  return new CompiledTable(table.name, domains, options.random);
}
