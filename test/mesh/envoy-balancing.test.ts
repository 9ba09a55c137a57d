import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { RunningCommand } from "../support/command.ts";
import { startEnvoy, whyNoEnvoy } from "../support/envoy.ts";
import { freePort } from "../support/free-port.ts";
import { backend } from "../support/mesh-bed.ts";

const PROTO = "type.googleapis.com/envoy.extensions";
const POLICIES = {
  "round-robin": `${PROTO}.load_balancing_policies.round_robin.v3.RoundRobin`,
  "ring-hash": `${PROTO}.load_balancing_policies.ring_hash.v3.RingHash`,
  maglev: `${PROTO}.load_balancing_policies.maglev.v3.Maglev`,
};
const BACKENDS = 8;

/** One endpoint by its number, with what the control plane says of it. */
type Member = readonly [backend: number, health?: string, weight?: number];

interface Case {
  readonly name: string;
  readonly localities: readonly {
    readonly members: readonly Member[];
    readonly priority?: number;
    readonly zone?: string;
    readonly weight?: number;
  }[];
  readonly byLocality?: "weighted" | "zone_aware";
  readonly panicPercent?: number;
  /** Why keys go elsewhere than in Envoy: only shares are compared. */
  readonly otherKeys?: string;
}

const LEFT_OUT = "the table holds unhealthy endpoints, too, so that only their keys move";
const CASES: readonly Case[] = [
  {
    name: "weights",
    localities: [
      {
        members: [
          [0, "HEALTHY", 1],
          [1, "HEALTHY", 2],
          [2, "HEALTHY", 5],
        ],
      },
    ],
  },
  {
    name: "a priority that lacks half",
    localities: [
      { members: [[0], [1], [2, "UNHEALTHY"], [3, "UNHEALTHY"]] },
      { members: [[4], [5]], priority: 1 },
    ],
    otherKeys: LEFT_OUT,
  },
  {
    name: "three priorities, one endpoint left of each",
    localities: [
      { members: [[0], [1, "UNHEALTHY"], [2, "UNHEALTHY"], [3, "UNHEALTHY"]] },
      { members: [[4], [5, "UNHEALTHY"], [6, "UNHEALTHY"]], priority: 1 },
      { members: [[7]], priority: 2 },
    ],
    otherKeys: "Envoy rounds the shares of priorities to whole percent",
  },
  {
    name: "a priority of which half drains",
    localities: [
      { members: [[0], [1], [2, "DRAINING"], [3, "DRAINING"]] },
      { members: [[4], [5]], priority: 1 },
    ],
  },
  {
    name: "localities with weights",
    byLocality: "weighted",
    localities: [
      { members: [[0], [1]], zone: "a", weight: 1 },
      { members: [[2], [3]], zone: "b", weight: 3 },
    ],
  },
  {
    name: "localities without weights",
    localities: [
      { members: [[0], [1]], zone: "a" },
      { members: [[2], [3]], zone: "b" },
    ],
  },
  { name: "panic", localities: [{ members: [[0], [1, "UNHEALTHY"], [2, "UNHEALTHY"], [3, "UNHEALTHY"]] }] },
  {
    name: "too few healthy endpoints without panic",
    panicPercent: 0,
    localities: [{ members: [[0], [1, "UNHEALTHY"], [2, "UNHEALTHY"], [3, "UNHEALTHY"]] }],
  },
  { name: "nothing healthy", panicPercent: 0, localities: [{ members: [[0, "UNHEALTHY"]] }] },
  {
    name: "panic in two priorities",
    localities: [
      { members: [[0], [1, "UNHEALTHY"], [2, "UNHEALTHY"], [3, "UNHEALTHY"]] },
      { members: [[4], [5, "UNHEALTHY"], [6, "UNHEALTHY"], [7, "UNHEALTHY"]], priority: 1 },
    ],
  },
];
/** Those that hash policies know nothing of in Envoy. */
const BY_SHARE: readonly Case[] = [
  {
    name: "a degraded endpoint beside too few healthy ones",
    localities: [{ members: [[0], [1, "DEGRADED"], [2, "DEGRADED"], [3, "DEGRADED"]] }],
  },
  {
    name: "a zone that has less than its part",
    byLocality: "zone_aware",
    localities: [
      { members: [[0]], zone: "a" },
      { members: [[1], [2]], zone: "b" },
      { members: [[3], [4], [5]], zone: "c" },
    ],
  },
  {
    name: "a zone that has enough",
    byLocality: "zone_aware",
    localities: [
      { members: [[0], [1], [2]], zone: "a" },
      { members: [[3], [4]], zone: "b" },
      { members: [[5]], zone: "c" },
    ],
  },
];

interface Pair {
  readonly host: string;
  readonly of: Case;
  readonly policy: keyof typeof POLICIES;
}

const PAIRS: readonly Pair[] = [
  ...CASES.flatMap((of) =>
    (Object.keys(POLICIES) as (keyof typeof POLICIES)[]).map((policy) => ({ of, policy })),
  ),
  ...BY_SHARE.map((of) => ({ of, policy: "round-robin" as const })),
].map((pair, index) => ({ ...pair, host: `case-${index}` }));

function clusterOf({ host, of, policy }: Pair, ports: readonly number[]): object {
  const hashes = policy !== "round-robin";
  const rule = { [`locality_${of.byLocality}_lb_config`.replace("locality_zone", "zone")]: {} };
  const locality = hashes ? rule : { locality_lb_config: rule };
  const typed_config = { "@type": POLICIES[policy], ...(of.byLocality ? locality : {}) };
  return {
    name: host,
    type: "STATIC",
    load_balancing_policy: { policies: [{ typed_extension_config: { name: policy, typed_config } }] },
    common_lb_config: { healthy_panic_threshold: { value: of.panicPercent ?? 50 } },
    load_assignment: {
      cluster_name: host,
      endpoints: of.localities.map(({ members, priority = 0, zone = "", weight }) => ({
        priority,
        locality: { zone },
        ...(weight !== undefined && { load_balancing_weight: weight }),
        lb_endpoints: members.map(([index, health = "HEALTHY", share = 1]) => ({
          health_status: health,
          load_balancing_weight: share,
          endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: ports[index] } } },
        })),
      })),
    },
  };
}

/** Where Envoy learns how many callers each zone has; the sidecar takes them to be spread evenly, as they are here. */
const CALLERS = {
  name: "callers",
  type: "STATIC",
  load_assignment: {
    cluster_name: "callers",
    endpoints: ["a", "b", "c"].map((zone, i) => ({
      locality: { zone },
      lb_endpoints: [
        { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: i + 1 } } } },
      ],
    })),
  },
};

function bootstrapOf(listener: number, ports: readonly number[]): string {
  const virtual_hosts = PAIRS.map(({ host }) => ({
    name: host,
    domains: [host],
    routes: [
      {
        match: { prefix: "/" },
        route: { cluster: host, hash_policy: [{ header: { header_name: "x-key" } }] },
      },
    ],
  }));
  const typed_config = {
    "@type": `${PROTO}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "in",
    route_config: { virtual_hosts },
    http_filters: [{ name: "router", typed_config: { "@type": `${PROTO}.filters.http.router.v3.Router` } }],
  };
  const address = (port: number): object => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  return JSON.stringify({
    node: { id: "web-1", cluster: "web", locality: { zone: "a" } },
    cluster_manager: { local_cluster_name: CALLERS.name },
    admin: { address: address(0) },
    static_resources: {
      listeners: [
        {
          name: "in",
          address: address(listener),
          filter_chains: [{ filters: [{ name: "http", typed_config }] }],
        },
      ],
      clusters: [CALLERS, ...PAIRS.map((pair) => clusterOf(pair, ports))],
    },
  });
}

/** Where each key goes: the backend's number, or the status of an error. */
async function answers(port: number, host: string, keys: number): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const one = (key: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const call = request({ port, agent, headers: { host, "x-key": `key ${key}` } }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve(response.statusCode === 200 ? text : String(response.statusCode)));
      });
      call.on("error", reject).end();
    });
  const found = await Promise.all(Array.from({ length: keys }, (_, key) => one(key)));
  agent.destroy();
  return found;
}

function shares(found: readonly string[]): Map<string, number> {
  return new Map(
    [...Map.groupBy(found, (name) => name)].map(([name, { length }]) => [name, length / found.length]),
  );
}

async function bothProxies(t: TestContext): Promise<{ envoy: number; sidecar: number }> {
  const ports: number[] = [];
  for (let i = 0; i < BACKENDS; i++) ports.push((await backend(t, String(i))).port);
  const folder = await mkdtemp(join(tmpdir(), "dashpot-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const proxies = { envoy: await freePort(), sidecar: await freePort() };
  const file = (name: string): string => join(folder, `${name}.json`);
  await writeFile(file("envoy"), bootstrapOf(proxies.envoy, ports));
  await writeFile(file("sidecar"), bootstrapOf(proxies.sidecar, ports));
  await startEnvoy(t, file("envoy"), proxies.envoy);
  const running = new RunningCommand(["sidecar", "-c", file("sidecar")]);
  t.after(() => running.kill());
  await running.said(/"msg":"ready"/);
  return proxies;
}

/** Enough to see a rule that is not followed; keys that must go to the same endpoint show it sooner. */
const REQUESTS = 300;
const KEYS = 100;
/** Four standard deviations of the difference of two shares of so many requests; those of round robin vary less. */
const CHANCE = 4 * Math.sqrt((2 * 0.25) / REQUESTS);

test("one file balances alike through Envoy and the sidecar: shares, and under hash policies every key", {
  skip: whyNoEnvoy() ?? false,
}, async (t) => {
  const ports = await bothProxies(t);
  const different: string[] = [];
  for (const { host, of, policy } of PAIRS) {
    const byKey = policy !== "round-robin" && of.otherKeys === undefined;
    const sent = byKey ? KEYS : REQUESTS;
    const [theirs, ours] = [await answers(ports.envoy, host, sent), await answers(ports.sidecar, host, sent)];
    const name = `${policy}, ${of.name}`;
    if (byKey) {
      const moved = theirs.filter((backend, key) => backend !== ours[key]).length;
      if (moved > 0) different.push(`${name}: ${moved} of ${sent} keys go elsewhere`);
      continue;
    }
    const [expected, found] = [shares(theirs), shares(ours)];
    for (const backend of new Set([...expected.keys(), ...found.keys()])) {
      const [envoy, own] = [expected.get(backend) ?? 0, found.get(backend) ?? 0];
      if (Math.abs(envoy - own) > CHANCE) different.push(`${name}: ${backend} has ${own}, in Envoy ${envoy}`);
    }
  }
  assert.deepEqual(different, []);
});
