import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Held, type Plan, planConfiguration } from "../../../xds/client/configuration-tree.ts";
import type { Cluster } from "../../../xds/model/cluster.ts";
import { EMPTY_CONFIGURATION, type Versioned } from "../../../xds/model/configuration.ts";
import type { ClusterLoadAssignment } from "../../../xds/model/endpoint.ts";
import type { Listener } from "../../../xds/model/listener.ts";
import type { RouteTable } from "../../../xds/model/route-table.ts";
import {
  assignmentModel,
  clusterModel,
  edsDiscovery,
  listenerModel,
  routeTableModel,
} from "../../support/model.ts";

function versioned<T>(value: T, version = "1"): Versioned<T> {
  return { value, version, since: 0 };
}

/** A hand-filled cache and the chain of configurations planned from it. */
class World {
  listeners: Versioned<Listener>[] = [];
  clusters: Versioned<Cluster>[] = [];
  readonly routeTables = new Map<string, Held<RouteTable>>();
  readonly assignments = new Map<string, Held<ClusterLoadAssignment>>();
  configuration = EMPTY_CONFIGURATION;

  plan(): Plan {
    const plan = planConfiguration(this.configuration, {
      listeners: this.listeners,
      clusters: this.clusters,
      routeTable: (name) => this.routeTables.get(name),
      assignment: (name) => this.assignments.get(name),
      wall: 0,
    });
    this.configuration = plan.configuration;
    return plan;
  }

  endpoints(name: string, ...addresses: string[]): void {
    this.assignments.set(name, { value: versioned(assignmentModel(name, ...addresses)), settled: true });
  }

  routes(name: string, ...clusters: string[]): void {
    this.routeTables.set(name, { value: versioned(routeTableModel(name, ...clusters)), settled: true });
  }

  addressesOf(cluster: string): string[] | undefined {
    return this.configuration.clusters
      .get(cluster)
      ?.assignment.value.localities.flatMap(({ endpoints }) => endpoints.map(({ host }) => host));
  }
}

const eds = (name: string, serviceName = name) => versioned(clusterModel(name, edsDiscovery(serviceName)));
const rds = (name: string, routes: string) =>
  versioned(listenerModel(name, { kind: "rds", name: routes, initialFetchTimeoutMs: 15_000 }));

describe("clusters", () => {
  test("a cluster is used when its endpoints are there, and asks for them by its service name until then", () => {
    const world = new World();
    world.clusters = [eds("a", "a-service")];
    const plan = world.plan();
    assert.deepEqual([...plan.assignments], [["a-service", 15_000]]);
    assert.deepEqual(plan.warming.clusters, ["a"]);
    assert.equal(plan.configuration, EMPTY_CONFIGURATION, "nothing is usable yet");

    world.endpoints("a-service", "10.0.0.1:80");
    world.plan();
    assert.deepEqual(world.addressesOf("a"), ["10.0.0.1"]);
    assert.equal(world.configuration.generation, 1);
  });

  test("a cluster whose endpoints do not come in time is used without any", () => {
    const world = new World();
    world.clusters = [eds("a")];
    world.assignments.set("a", { value: undefined, settled: true });
    world.plan();
    assert.deepEqual(world.addressesOf("a"), []);
    const before = world.configuration;
    world.plan();
    assert.equal(world.configuration, before, "having none is not new");
    world.endpoints("a", "10.0.0.1:80");
    world.plan();
    assert.deepEqual(world.addressesOf("a"), ["10.0.0.1"]);
  });

  test("a new version of a cluster that needs other endpoints leaves the old one in use until they are there", () => {
    const world = new World();
    world.clusters = [eds("a", "old")];
    world.endpoints("old", "10.0.0.1:80");
    world.plan();
    world.clusters = [eds("a", "new")];
    const plan = world.plan();
    assert.deepEqual([...plan.assignments.keys()].sort(), ["new", "old"]);
    world.endpoints("old", "10.0.0.2:80");
    world.plan();
    assert.deepEqual(world.addressesOf("a"), ["10.0.0.2"], "the old one still follows its endpoints");
    world.endpoints("new", "10.0.0.9:80");
    const done = world.plan();
    assert.deepEqual(world.addressesOf("a"), ["10.0.0.9"]);
    assert.deepEqual([...done.assignments.keys()], ["new"]);
  });

  test("a new version with the same endpoints is used at once", () => {
    const world = new World();
    world.clusters = [eds("a")];
    world.endpoints("a", "10.0.0.1:80");
    world.plan();
    const assignment = world.configuration.clusters.get("a")?.assignment;
    const next = versioned(clusterModel("a", edsDiscovery("a"), { connectTimeoutMs: 1 }), "2");
    world.clusters = [next];
    world.plan();
    assert.equal(world.configuration.clusters.get("a")?.cluster, next);
    assert.equal(world.configuration.clusters.get("a")?.assignment, assignment);
  });

  test("a deleted cluster goes", () => {
    const world = new World();
    world.clusters = [eds("a"), eds("b")];
    world.endpoints("a", "10.0.0.1:80");
    world.endpoints("b", "10.0.0.2:80");
    world.plan();
    world.clusters = [world.clusters[1]!];
    assert.deepEqual([...world.plan().assignments.keys()], ["b"]);
    assert.deepEqual([...world.configuration.clusters.keys()], ["b"]);
  });

  test("a static cluster wins over a dynamic one of the same name", () => {
    const world = new World();
    const assignment = assignmentModel("a", "127.0.0.1:1");
    world.clusters = [versioned(clusterModel("a", { kind: "static", assignment }), "static"), eds("a")];
    const plan = world.plan();
    assert.equal(plan.assignments.size, 0);
    assert.deepEqual(world.addressesOf("a"), ["127.0.0.1"]);
  });

  test("of two clusters that share endpoints the more patient decides how long to wait", () => {
    const world = new World();
    world.clusters = [
      versioned(clusterModel("a", edsDiscovery("s", 1000))),
      versioned(clusterModel("b", edsDiscovery("s", 2000))),
    ];
    assert.deepEqual([...world.plan().assignments], [["s", 2000]]);
    world.clusters.push(versioned(clusterModel("c", edsDiscovery("s", 0))));
    assert.deepEqual([...world.plan().assignments], [["s", 0]]);
  });
});

describe("listeners", () => {
  test("a listener is used when its routes are there", () => {
    const world = new World();
    world.listeners = [rds("in", "r")];
    const plan = world.plan();
    assert.deepEqual([...plan.routeTables], [["r", 15_000]]);
    assert.deepEqual(plan.warming.listeners, ["in"]);
    assert.equal(world.configuration.listeners.size, 0);
    world.routes("r", "a");
    world.plan();
    assert.deepEqual([...world.configuration.listeners.keys()], ["in"]);
    assert.deepEqual([...world.configuration.routeTables.keys()], ["r"]);
  });

  test("a listener whose routes do not come in time is used without any", () => {
    const world = new World();
    world.listeners = [rds("in", "r")];
    world.routeTables.set("r", { value: undefined, settled: true });
    world.plan();
    assert.deepEqual([...world.configuration.listeners.keys()], ["in"]);
    assert.equal(world.configuration.routeTables.size, 0);
  });

  test("a new version that needs other routes leaves the old one in use until they are there", () => {
    const world = new World();
    const old = rds("in", "old");
    world.listeners = [old];
    world.routes("old", "a");
    world.plan();
    world.listeners = [rds("in", "new")];
    assert.deepEqual([...world.plan().routeTables.keys()].sort(), ["new", "old"]);
    assert.equal(world.configuration.listeners.get("in"), old);
    world.routes("new", "a");
    assert.deepEqual([...world.plan().routeTables.keys()], ["new"]);
    assert.deepEqual([...world.configuration.routeTables.keys()], ["new"]);
  });

  test("inline routes stand under the listener's name and keep their identity", () => {
    const world = new World();
    const table = routeTableModel("x", "a");
    world.listeners = [versioned(listenerModel("in", { kind: "inline", table }))];
    world.plan();
    const before = world.configuration;
    assert.equal(before.routeTables.get("inline:in")?.value, table);
    world.plan();
    assert.equal(world.configuration, before);
  });

  test("routes to a cluster that still warms wait for it while older routes are in use", () => {
    const world = new World();
    world.clusters = [eds("a")];
    world.endpoints("a", "10.0.0.1:80");
    world.listeners = [rds("in", "r")];
    world.routes("r", "a");
    world.plan();
    const before = world.configuration.routeTables.get("r");
    world.clusters.push(eds("b"));
    world.routes("r", "a", "b");
    world.plan();
    assert.equal(world.configuration.routeTables.get("r"), before);
    world.endpoints("b", "10.0.0.2:80");
    world.plan();
    assert.equal(world.configuration.routeTables.get("r")?.value.virtualHosts[0]?.routes.length, 2);
  });

  test("routes to a cluster that nobody announced are used as they are", () => {
    const world = new World();
    world.listeners = [rds("in", "r")];
    world.routes("r", "a");
    world.plan();
    world.routes("r", "nowhere");
    world.plan();
    assert.equal(world.configuration.routeTables.get("r")?.value.virtualHosts[0]?.routes[0]?.name, "nowhere");
  });
});

test("a change of one cluster leaves every other part the same object", () => {
  const world = new World();
  world.clusters = [eds("a"), eds("b")];
  world.endpoints("a", "10.0.0.1:80");
  world.endpoints("b", "10.0.0.2:80");
  world.listeners = [rds("in", "r")];
  world.routes("r", "a", "b");
  world.plan();
  const before = world.configuration;
  world.endpoints("b", "10.0.0.3:80");
  world.plan();
  const after = world.configuration;
  assert.equal(after.generation, before.generation + 1);
  assert.equal(after.listeners, before.listeners);
  assert.equal(after.routeTables, before.routeTables);
  assert.equal(after.clusters.get("a"), before.clusters.get("a"));
  assert.notEqual(after.clusters.get("b"), before.clusters.get("b"));
  world.plan();
  assert.equal(world.configuration, after);
});
