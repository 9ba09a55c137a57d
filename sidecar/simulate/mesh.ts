import type { ClusterLoadAssignment, Endpoint } from "../../xds/model/endpoint.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { Listing, Scenario } from "./scenario.ts";
import type { ServerShape } from "./server.ts";

const PORT = 80;
/** Weights are whole numbers: this many for one core at speed 1. */
const WEIGHT_PER_CORE = 100;

/** Where simulated endpoints live: 10.0.0.0/8, by index. */
function hostOf(endpoint: number): string {
  return `10.${endpoint >> 16}.${(endpoint >> 8) & 255}.${endpoint & 255}`;
}

/** The index of the endpoint that lives there. */
export function indexOf(host: string): number {
  const [, high, middle, low] = host.split(".").map(Number);
  return (high! << 16) | (middle! << 8) | low!;
}

export function addressOf(endpoint: number): string {
  return endpointAddress(hostOf(endpoint), PORT);
}

/** The zones of the endpoints that are used first, in the order they appear; sidecars are spread over them in turn. */
export function zonesOf({ endpoints }: Scenario): string[] {
  const least = Math.min(...endpoints.map(({ priority }) => priority));
  return [...new Set(endpoints.filter(({ priority }) => priority === least).map(({ zone }) => zone))];
}

/** What the control plane would send just now. `byCapacity`: weights are what each endpoint can do. */
export function assignmentOf(
  scenario: Scenario,
  byCapacity: boolean,
  listingOf: (endpoint: number) => Listing,
): ClusterLoadAssignment {
  const places = new Map<string, { priority: number; zone: string; size: number; endpoints: Endpoint[] }>();
  for (const [index, shape] of scenario.endpoints.entries()) {
    const { priority, zone } = shape;
    const key = `${priority} ${zone}`;
    const place = places.get(key) ?? { priority, zone, size: 0, endpoints: [] };
    places.set(key, place);
    place.size++;
    const listing = listingOf(index);
    if (listing === "absent") continue;
    place.endpoints.push({
      host: hostOf(index),
      port: PORT,
      additionalAddresses: [],
      hostname: "",
      health: listing,
      weight: byCapacity ? capacityWeight(shape) : shape.weight,
      healthCheckPort: undefined,
      transportLabels: [],
    });
  }
  return {
    clusterName: "simulated",
    localities: [...places.values()].map(({ priority, zone, size, endpoints }) => ({
      region: "",
      zone,
      subZone: "",
      priority,
      weight: size,
      endpoints,
    })),
    overprovisioningFactor: 140,
    drops: [],
  };
}

function capacityWeight({ cores, speed }: ServerShape): number {
  return Math.max(1, Math.round(WEIGHT_PER_CORE * cores * speed));
}
