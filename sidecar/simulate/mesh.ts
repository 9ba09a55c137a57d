import type { ClusterLoadAssignment, LocalityEndpoints } from "../../xds/model/endpoint.ts";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { Scenario } from "./scenario.ts";
import type { ServerShape } from "./server.ts";

const PORT = 80;
/** Weights are whole numbers: this many for one core at speed 1. */
const WEIGHT_PER_CORE = 100;

/** Where simulated endpoints live: 10.0.0.0/8, by index. */
function hostOf(endpoint: number): string {
  return `10.${endpoint >> 16}.${(endpoint >> 8) & 255}.${endpoint & 255}`;
}

export function addressOf(endpoint: number): string {
  return endpointAddress(hostOf(endpoint), PORT);
}

/** The zones of the scenario in the order they appear; sidecars are spread over them in turn. */
export function zonesOf(scenario: Scenario): string[] {
  return [...new Set(scenario.endpoints.map((endpoint) => endpoint.zone))];
}

/** What the control plane would send for the endpoints that are listed now. `byCapacity`: weights are what each can do. */
export function assignmentOf(
  scenario: Scenario,
  byCapacity: boolean,
  isListed: (endpoint: number) => boolean,
): ClusterLoadAssignment {
  const localities: LocalityEndpoints[] = zonesOf(scenario).map((zone) => ({
    region: "",
    zone,
    subZone: "",
    priority: 0,
    weight: scenario.endpoints.filter((shape) => shape.zone === zone).length,
    endpoints: scenario.endpoints.flatMap((shape, index) =>
      shape.zone === zone && isListed(index)
        ? [
            {
              host: hostOf(index),
              port: PORT,
              additionalAddresses: [],
              hostname: "",
              health: "healthy" as const,
              weight: byCapacity ? capacityWeight(shape) : shape.weight,
              healthCheckPort: undefined,
              transportLabels: [],
            },
          ]
        : [],
    ),
  }));
  return {
    clusterName: "simulated",
    localities,
    overprovisioningFactor: 140,
    drops: [],
  };
}

function capacityWeight({ cores, speed }: ServerShape): number {
  return Math.max(1, Math.round(WEIGHT_PER_CORE * cores * speed));
}
