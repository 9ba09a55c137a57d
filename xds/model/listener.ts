import type { FaultPolicy, RouteTable } from "./route-table.ts";
import type { DownstreamTls } from "./tls.ts";

export interface SocketAddress {
  readonly host: string;
  /** 0 (any free port) only from static configuration. */
  readonly port: number;
}

/** LDS resource: one port and what happens to its connections. */
export interface Listener {
  readonly name: string;
  /** Undefined for an `api_listener`: binds nothing, gives its routes to the sidecar's own port. */
  readonly address: SocketAddress | undefined;
  /** Bytes held per connection before who sends them is paused; never more than 64 KiB are. */
  readonly bufferLimitBytes: number;
  /** Accept queue length; undefined: the system's. */
  readonly backlog: number | undefined;
  readonly tls: DownstreamTls | undefined;
  readonly filter: HttpFilter | TcpProxy;
}

/** Where a listener's routes come from. */
export type RouteSource =
  | { readonly kind: "rds"; readonly name: string; readonly initialFetchTimeoutMs: number }
  | { readonly kind: "inline"; readonly table: RouteTable };

/** The parts of an HttpConnectionManager that are honoured. Durations in ms; 0 switches a timeout off. */
export interface HttpFilter {
  readonly kind: "http";
  readonly statPrefix: string;
  readonly codec: "auto" | "http1" | "http2";
  readonly routes: RouteSource;
  /** No byte either way of a request for this long ends it. Default 300 000. */
  readonly streamIdleTimeoutMs: number;
  /** The whole request must have arrived within this. Default 0. */
  readonly requestTimeoutMs: number;
  /** The request's head must have arrived within this. Default 10 000 (Envoy: off; slow heads hold connections). */
  readonly requestHeadersTimeoutMs: number;
  /** A connection without a request is closed after this. Default 3 600 000. */
  readonly idleTimeoutMs: number;
  /** Connections older than this are closed between requests. Default 0. */
  readonly maxConnectionDurationMs: number;
  readonly maxStreamDurationMs: number;
  /** Requests per connection before it is closed; 0: no bound. */
  readonly maxRequestsPerConnection: number;
  /** Default 61 440 (Envoy's 60 KiB). */
  readonly maxRequestHeadersBytes: number;
  /** Default 100. */
  readonly maxHeadersCount: number;
  readonly underscores: "allow" | "reject" | "drop";
  /** Lower-case protocol names that may be upgraded to, e.g. `websocket`; `connect` allows CONNECT. */
  readonly upgrades: ReadonlySet<string>;
  readonly generateRequestId: boolean;
  /** Keep the `x-request-id` of a caller outside the network at the edge, rather than make a new one. */
  readonly preserveExternalRequestId: boolean;
  readonly useRemoteAddress: boolean;
  /** Proxies before this one whose `x-forwarded-for` is believed. 0: the connection's own peer is the caller. */
  readonly xffTrustedHops: number;
  readonly skipXffAppend: boolean;
  /** This hop in `Via`, word for word; empty: the version and the name of this process, by which loops are noticed. */
  readonly via: string;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: "keep" | "reject" | "unescape_and_redirect" | "unescape_and_forward";
  /** Percent of requests to trace, 0..100; undefined: the sidecar's own sampler decides. */
  readonly randomSampling: number | undefined;
  /** The `envoy.filters.http.fault` filter's own policy; a route's `typed_per_filter_config` overrides it. */
  readonly fault: FaultPolicy | undefined;
}

/** `envoy.filters.network.tcp_proxy`: bytes to one of the clusters, balanced per connection. */
export interface TcpProxy {
  readonly kind: "tcp";
  readonly statPrefix: string;
  readonly clusters: readonly { readonly cluster: string; readonly weight: number }[];
  /** No byte either way for this long ends the connection. Default 3 600 000; 0: off. */
  readonly idleTimeoutMs: number;
  readonly maxConnectAttempts: number;
}
