/** What the control plane says of an endpoint's health. `degraded` takes traffic only when healthy ones run short. */
export type EndpointHealth = "healthy" | "degraded" | "draining" | "unhealthy";

/** Labels of `envoy.transport_socket_match`, each as the JSON text of its name and its value. */
export type TransportLabels = ReadonlySet<string>;

export interface Endpoint {
  /** IP literal, or a host name in STRICT_DNS, LOGICAL_DNS and STATIC-by-name clusters. */
  readonly host: string;
  /** 1..65535. */
  readonly port: number;
  /** Further addresses of the same endpoint, tried in turn when the first does not connect (gRFC A61). */
  readonly additionalAddresses: readonly { readonly host: string; readonly port: number }[];
  /** For host rewrites and health checks; empty when the control plane names none. */
  readonly hostname: string;
  readonly health: EndpointHealth;
  /** The operator's weight, >= 1. It stays a multiplier on whatever is learned. */
  readonly weight: number;
  /** Port that health checks use instead of `port`; undefined for the same. */
  readonly healthCheckPort: number | undefined;
  /** Its own, then its locality's: the cluster's `tlsMatches` are looked for in this order. */
  readonly transportLabels: readonly TransportLabels[];
}

/** Endpoints that share a place and a priority. */
export interface LocalityEndpoints {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** 0 is used first; no gaps. */
  readonly priority: number;
  /** Undefined: takes no load where locality weights are in force (Envoy). */
  readonly weight: number | undefined;
  readonly endpoints: readonly Endpoint[];
}

/** EDS resource: everything that stands behind one cluster. Empty localities are valid: the cluster has no hosts. */
export interface ClusterLoadAssignment {
  readonly clusterName: string;
  readonly localities: readonly LocalityEndpoints[];
  /** Percent; 140 means a priority keeps all its traffic while 1/1.4 = 72 % of it is healthy. */
  readonly overprovisioningFactor: number;
  /** Fraction of requests to refuse, in sequence (EDS `drop_overloads`). */
  readonly drops: readonly { readonly category: string; readonly fraction: number }[];
}

export function endpointAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
