import type { ClusterLoadAssignment } from "../../xds/model/endpoint.ts";
import { assignmentOf } from "./mesh.ts";
import type { Listing, Scenario } from "./scenario.ts";

/** What it says of the endpoints; all sidecars hear of a change at once. */
export class ControlPlane {
  readonly #scenario: Scenario;
  readonly #byCapacity: boolean;
  readonly #listings: Listing[];

  /** `byCapacity`: the operator weighs each endpoint by what it can do. */
  constructor(scenario: Scenario, byCapacity: boolean) {
    this.#scenario = scenario;
    this.#byCapacity = byCapacity;
    this.#listings = scenario.endpoints.map(() => "healthy");
  }

  /** What it said of the endpoint before. */
  list(endpoint: number, listing: Listing): Listing {
    const before = this.#listings[endpoint]!;
    this.#listings[endpoint] = listing;
    return before;
  }

  assignment(): ClusterLoadAssignment {
    return assignmentOf(this.#scenario, this.#byCapacity, (endpoint) => this.#listings[endpoint]!);
  }
}
