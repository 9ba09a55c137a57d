import type { Metadata } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import { HealthStatus } from "../proto/gen/envoy/config/core/v3/health_check_pb.js";
import {
  Endpoint_HealthCheckConfigSchema as HealthCheckConfigSchema,
  type LbEndpoint,
  LbEndpointSchema,
  type LocalityLbEndpoints,
  LocalityLbEndpointsSchema,
} from "../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.js";
import {
  type ClusterLoadAssignment as ClusterLoadAssignmentProto,
  ClusterLoadAssignmentSchema,
  type ClusterLoadAssignment_Policy as PolicyProto,
  ClusterLoadAssignment_PolicySchema as PolicySchema,
} from "../proto/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { type AddressRule, addressOf } from "./address-from-proto.ts";
import {
  type ClusterLoadAssignment,
  type Endpoint,
  type EndpointHealth,
  endpointAddress,
  type LocalityEndpoints,
} from "./endpoint.ts";
import { fieldCheck } from "./field-rules.ts";
import { resourceType } from "./reading.ts";
import { fractionOf, inRange, portOf, textOf, UINT32_MAX } from "./scalars.ts";
import type { Scope } from "./scope.ts";
import { transportLabelsOf } from "./transport-labels-from-proto.ts";

const TRANSPORT_METADATA = "`envoy.transport_socket_match`";

const checkAssignment = fieldCheck(ClusterLoadAssignmentSchema, {
  honoured: ["cluster_name", "endpoints", "policy"],
  refused: { named_endpoints: "is not supported: name each endpoint's address, or endpoints would be lost" },
});
const checkPolicy = fieldCheck(PolicySchema, {
  honoured: ["drop_overloads", "overprovisioning_factor"],
});
const checkLocality = fieldCheck(LocalityLbEndpointsSchema, {
  honoured: ["locality", "lb_endpoints", "load_balancer_endpoints", "load_balancing_weight", "priority"],
  partly: { metadata: TRANSPORT_METADATA },
  harmless: ["proximity"],
  refused: {
    leds_cluster_locality_config: "is not supported: list the endpoints here, or they would be lost",
  },
});
const checkEndpoint = fieldCheck(LbEndpointSchema, {
  honoured: ["endpoint", "health_status", "load_balancing_weight"],
  // Metadata chooses among endpoints where a subset or a route asks for it; both are refused.
  partly: { metadata: TRANSPORT_METADATA },
  refused: { endpoint_name: "is not supported: give the endpoint's address" },
});
const checkHealthCheckConfig = fieldCheck(HealthCheckConfigSchema, { honoured: ["port_value"] });

const MAX_PRIORITY = 128;
const DEFAULT_OVERPROVISIONING = 140;

/** `ip` for EDS and STATIC clusters, whose addresses nobody resolves. */
const EDS_ADDRESSES: AddressRule = { host: "ip", portZero: "refused" };

export const CLUSTER_LOAD_ASSIGNMENT = resourceType<
  typeof ClusterLoadAssignmentSchema,
  ClusterLoadAssignment
>({
  schema: ClusterLoadAssignmentSchema,
  short: "eds",
  fullState: false,
  nameOf: (message) => message.clusterName,
  read: (scope, message) => readAssignment(scope, message, message.clusterName, EDS_ADDRESSES),
});

/** Reads an assignment; one inside a cluster may leave its name out. */
export function readAssignment(
  scope: Scope,
  message: ClusterLoadAssignmentProto,
  name: string,
  addresses: AddressRule,
): ClusterLoadAssignment {
  checkAssignment(scope, message);
  if (name === "") scope.at("cluster_name").error("is required and must not be empty");
  else textOf(scope, "cluster_name", name);
  const localities = new LocalityReader(scope, addresses);
  message.endpoints.forEach((locality, index) => {
    localities.read(scope.at("endpoints").at(index), locality);
  });
  localities.close();
  return {
    clusterName: name,
    localities: localities.found,
    ...readPolicy(scope.at("policy"), message.policy),
  };
}

/** Reads localities one after the other and keeps what must be unique or add up over all of them. */
class LocalityReader {
  readonly found: LocalityEndpoints[] = [];
  readonly #scope: Scope;
  readonly #addresses: AddressRule;
  readonly #seenAddresses = new Set<string>();
  readonly #seenLocalities = new Set<string>();
  readonly #weightOfPriority = new Map<number, number>();
  #endpoints = 0;

  constructor(scope: Scope, addresses: AddressRule) {
    this.#scope = scope;
    this.#addresses = addresses;
  }

  read(scope: Scope, message: LocalityLbEndpoints): void {
    checkLocality(scope, message);
    const { region = "", zone = "", subZone = "" } = message.locality ?? {};
    const priority = inRange(scope, "priority", message.priority, { min: 0, max: MAX_PRIORITY }, 0);
    const weight = inRange(
      scope,
      "load_balancing_weight",
      message.loadBalancingWeight,
      { min: 1 },
      undefined,
    );
    const key = JSON.stringify([region, zone, subZone, priority]);
    if (this.#seenLocalities.has(key)) scope.at("locality").error(`stands twice with priority ${priority}`);
    this.#seenLocalities.add(key);
    this.#addWeight(scope, priority, weight ?? 0);
    this.found.push({
      region,
      zone,
      subZone,
      priority,
      weight,
      endpoints: this.#readEndpoints(scope, message),
    });
  }

  /** Checks what only the whole list shows. */
  close(): void {
    const highest = Math.max(-1, ...this.#weightOfPriority.keys());
    for (let priority = 0; priority < highest; priority++) {
      if (this.#weightOfPriority.has(priority)) continue;
      this.#scope
        .at("endpoints")
        .error(`has no priority ${priority} but priority ${highest}: priorities must have no gaps`);
      return;
    }
  }

  #addWeight(scope: Scope, priority: number, weight: number): void {
    const sum = (this.#weightOfPriority.get(priority) ?? 0) + weight;
    this.#weightOfPriority.set(priority, sum);
    if (sum > UINT32_MAX && sum - weight <= UINT32_MAX) {
      scope.at("load_balancing_weight").error(`brings the sum of priority ${priority} over ${UINT32_MAX}`);
    }
  }

  #readEndpoints(scope: Scope, message: LocalityLbEndpoints): readonly Endpoint[] {
    const list =
      message.lbConfig.case === "loadBalancerEndpoints"
        ? message.lbConfig.value.lbEndpoints
        : message.lbEndpoints;
    const place =
      message.lbConfig.case === "loadBalancerEndpoints"
        ? scope.at("load_balancer_endpoints").at("lb_endpoints")
        : scope.at("lb_endpoints");
    this.#endpoints += list.length;
    const { endpoints: limit } = scope.context.limits;
    if (this.#endpoints > limit) {
      place.error(`brings the assignment to ${this.#endpoints} endpoints; at most ${limit} are accepted`);
      return [];
    }
    const endpoints: Endpoint[] = [];
    let weights = 0;
    list.forEach((entry, index) => {
      const endpoint = this.#readEndpoint(place.at(index), entry, message.metadata);
      if (endpoint === undefined) return;
      weights += endpoint.weight;
      endpoints.push(endpoint);
    });
    if (weights > UINT32_MAX) place.error(`has weights that add up to ${weights}, over ${UINT32_MAX}`);
    return endpoints;
  }

  #readEndpoint(
    scope: Scope,
    message: LbEndpoint,
    localityMetadata: Metadata | undefined,
  ): Endpoint | undefined {
    checkEndpoint(scope, message);
    if (message.hostIdentifier.case !== "endpoint") {
      if (message.hostIdentifier.case === undefined) scope.at("endpoint").error("is required");
      return undefined;
    }
    const { address, additionalAddresses, hostname, healthCheckConfig } = message.hostIdentifier.value;
    const place = scope.at("endpoint");
    const main = this.#readAddress(place.at("address"), address);
    const weight = inRange(scope, "load_balancing_weight", message.loadBalancingWeight, { min: 1 }, 1);
    const others = additionalAddresses
      .map((other, index) =>
        this.#readAddress(place.at("additional_addresses").at(index).at("address"), other.address),
      )
      .filter((other) => other !== undefined);
    let healthCheckPort: number | undefined;
    if (healthCheckConfig !== undefined) {
      const config = place.at("health_check_config");
      checkHealthCheckConfig(config, healthCheckConfig);
      // 0 is how the proto spells "the same port".
      if (healthCheckConfig.portValue !== 0) {
        healthCheckPort = portOf(config, "port_value", healthCheckConfig.portValue, "refused");
      }
    }
    if (main === undefined) return undefined;
    return {
      ...main,
      additionalAddresses: others.length === 0 ? NO_ADDRESSES : others,
      hostname: hostname === "" ? "" : textOf(place, "hostname", hostname),
      health: healthOf(scope, message.healthStatus),
      weight,
      healthCheckPort,
      transportLabels: transportLabelsOf(message.metadata, localityMetadata),
    };
  }

  #readAddress(scope: Scope, message: Parameters<typeof addressOf>[1]) {
    const address = addressOf(scope, message, this.#addresses);
    if (address === undefined) return undefined;
    const key = endpointAddress(address.host, address.port);
    // A list scan here makes ten thousand endpoints take a hundred times as long.
    if (this.#seenAddresses.has(key)) {
      scope.error(`${key} stands twice in this cluster`);
      return undefined;
    }
    this.#seenAddresses.add(key);
    return address;
  }
}

const NO_ADDRESSES: Endpoint["additionalAddresses"] = Object.freeze([]);

/** envoy.config.core.v3.HealthStatus: UNKNOWN counts as healthy until a health check says otherwise. */
function healthOf(scope: Scope, status: HealthStatus): EndpointHealth {
  switch (status) {
    case HealthStatus.UNKNOWN:
    case HealthStatus.HEALTHY:
      return "healthy";
    case HealthStatus.DEGRADED:
      return "degraded";
    case HealthStatus.DRAINING:
      return "draining";
    case HealthStatus.UNHEALTHY:
    case HealthStatus.TIMEOUT:
      return "unhealthy";
    default:
      scope.at("health_status").error(`is not a known health status (${status})`);
      return "unhealthy";
  }
}

type Policy = Pick<ClusterLoadAssignment, "overprovisioningFactor" | "drops">;

function readPolicy(scope: Scope, policy: PolicyProto | undefined): Policy {
  if (policy === undefined) {
    return { overprovisioningFactor: DEFAULT_OVERPROVISIONING, drops: [] };
  }
  checkPolicy(scope, policy);
  const overprovisioningFactor = inRange(
    scope,
    "overprovisioning_factor",
    policy.overprovisioningFactor,
    { min: 1 },
    DEFAULT_OVERPROVISIONING,
  );
  const drops = policy.dropOverloads.flatMap(({ category, dropPercentage }, index) => {
    const place = scope.at("drop_overloads").at(index);
    textOf(place, "category", category, "required");
    const fraction = dropPercentage && fractionOf(place, "drop_percentage", dropPercentage);
    return fraction ? [{ category, fraction: fraction.numerator / fraction.denominator }] : [];
  });
  return { overprovisioningFactor, drops };
}
