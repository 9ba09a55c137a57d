import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { validateMesh } from "../../../xds/server/mesh-report.ts";

/** The problems as `line:column path: reason`. */
function problems(text: string, severity: "error" | "warning" = "error"): string[] {
  return validateMesh(text, "mesh.yaml")
    .problems.filter((problem) => problem.severity === severity)
    .map(({ line, column, path, reason }) => `${line}:${column} ${path}: ${reason}`);
}

/** A service `orders` with an endpoint and further keys, one per line from line 4. */
const service = (...keys: string[]) =>
  [
    "services:",
    "  - name: orders",
    "    endpoints: [127.0.0.1:9001]",
    ...keys.map((key) => `    ${key}`),
  ].join("\n");

/** A file whose only service has these endpoints, one per line from line 4. */
const endpoints = (...items: string[]) =>
  ["services:", "  - name: orders", "    endpoints:", ...items.map((item) => `      - ${item}`)].join("\n");

describe("a mesh file", () => {
  it("of the examples has no problem", () => {
    const file = new URL("../../../examples/mesh.yaml", import.meta.url);
    const report = validateMesh(readFileSync(file, "utf8"), "examples/mesh.yaml");
    assert.deepEqual(report.lines, []);
    assert.ok(report.snapshot);
  });

  it("of the documentation has no problem", () => {
    const page = readFileSync(new URL("../../../docs/mesh-file.md", import.meta.url), "utf8");
    const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block ?? "");
    assert.equal(blocks.length, 4);
    for (const block of blocks) assert.deepEqual(validateMesh(block, "docs/mesh-file.md").lines, []);
  });

  it("may have no services, but must say so", () => {
    assert.ok(validateMesh("services: []\n", "mesh.yaml").snapshot);
    assert.ok(validateMesh("{}\n", "mesh.yaml").snapshot);
    for (const text of ["", "# nothing\n", "---\n"]) {
      assert.match(problems(text).join(), /^1:\d : holds nothing; `services: \[\]` says that/);
    }
  });

  it("is not a bootstrap, which is told as the one mistake it is", () => {
    const text = readFileSync(new URL("../../../examples/sidecar.yaml", import.meta.url), "utf8");
    const [problem, ...others] = problems(text);
    assert.match(
      problem ?? "",
      /is an Envoy bootstrap, which `dashpot sidecar` takes; a mesh file has services/,
    );
    assert.deepEqual(others, []);
  });

  it("that balances by a hash which no request has is warned of", () => {
    assert.deepEqual(problems(service("policy: maglev"), "warning"), [
      '4:5 services[0].policy: maglev needs "hash_on", or each request goes anywhere',
    ]);
    assert.deepEqual(problems(service("policy: maglev", "hash_on: [{ query: id }]"), "warning"), []);
    const route = "routes: [{ hash_on: [{ source_address: true }] }]";
    assert.deepEqual(problems(service("policy: { name: ring_hash }", route), "warning"), []);
  });

  it("may be JSON", () => {
    assert.deepEqual(problems('{"services": [{"name": "a", "endpoints": ["127.0.0.1:1"]}]}'), []);
  });

  const wrong: [what: string, text: string, ...expected: RegExp[]][] = [
    [
      "a misspelt key at the top",
      "servces: []\n",
      /^1:1 servces: unknown key "servces" \(did you mean "services"\?\)/,
    ],
    [
      "a hash of nothing, of two things, or with a cookie's life for no cookie",
      service("hash_on: [{}, { header: a, query: b }, { header: a, ttl: 1h }]"),
      /^4:15 services\[0\]\.hash_on\[0\]: needs exactly one of header, cookie, query, source_address/,
      /services\[0\]\.hash_on\[1\]: needs exactly one/,
      /services\[0\]\.hash_on\[2\]\.ttl: goes with "cookie"/,
    ],
    [
      "a misspelt key of a service",
      service("polcy: random"),
      /^4:5 services\[0\]\.polcy: .*did you mean "policy"/,
    ],
    ["an unknown key with what is allowed", service("colour: red"), /^4:5 .*colour.*allowed here: .*policy/],
    ["a service without a name", "services: [{ endpoints: [] }]\n", /^1:12 services\[0\]: "name" is missing/],
    ["a service without endpoints or routes", "services: [{ name: a }]\n", /needs "endpoints", or "routes"/],
    [
      "a name that is a number",
      "services: [{ name: 5, endpoints: [] }]\n",
      /^1:14 services\[0\]\.name: must be text, not 5/,
    ],
    [
      "two services of one name",
      `${service()}\n  - { name: orders, endpoints: [] }`,
      /^4:7 services\[1\]\.name: .*"orders"/,
    ],
    ["services that are no list", "services: { a: 1 }\n", /^1:1 services: must be a list, not a mapping/],
    [
      "a port above the range",
      endpoints("127.0.0.1:65536"),
      /^4:9 services\[0\]\.endpoints\[0\]: the port must be from 1 to 65535/,
    ],
    ["port 0", endpoints("127.0.0.1:0"), /^4:9 .*the port must be from 1 to 65535/],
    ["an address without a port", endpoints("127.0.0.1"), /^4:9 .*the port is missing/],
    ["an IPv6 address without brackets", endpoints('"::1:9001"'), /^4:9 .*must be "HOST:PORT"/],
    [
      "an address that is no address",
      endpoints('"256.1.1.1:80"'),
      /^4:9 .*neither an IP address nor a host name/,
    ],
    [
      "an endpoint that stands twice",
      endpoints("127.0.0.1:9001", "127.0.0.1:9001"),
      /^5:9 services\[0\]\.endpoints\[1\]: 127\.0\.0\.1:9001 already stands at services\[0\]\.endpoints\[0\]/,
    ],
    [
      "a weight of 0",
      endpoints("{ address: '127.0.0.1:1', weight: 0 }"),
      /^4:35 .*weight: must be a whole number from 1 to/,
    ],
    ["an unknown health", endpoints("{ address: '127.0.0.1:1', health: helthy }"), /did you mean "healthy"/],
    [
      "a gap in the priorities",
      endpoints("{ address: '127.0.0.1:1', priority: 1 }"),
      /^4:35 .*priority 1 is used but 0 is not/,
    ],
    [
      "a duration without a unit",
      service("timeout: 5"),
      /^4:5 services\[0\]\.timeout: must be a duration such as "250ms".*not 5/,
    ],
    [
      "an unknown policy",
      service("policy: round_robbin"),
      /^4:5 services\[0\]\.policy.*did you mean "round_robin"/,
    ],
    [
      "a split to a service that is not there",
      service("routes:", "  - split: { orders: 1, ordrs: 1 }"),
      /^5:29 services\[0\]\.routes\[0\]\.split\.ordrs: no service.*did you mean "orders"/,
    ],
    [
      "a split of nothing",
      service("routes:", "  - split: { orders: 0 }"),
      /at least one service needs a weight above 0/,
    ],
    [
      "a route to a service that is not there",
      service("routes: [{ service: nope }]"),
      /^4:16 services\[0\]\.routes\[0\]\.service: no service with endpoints and no cluster is named "nope"/,
    ],
    [
      "a route with two actions",
      service("routes: [{ service: orders, respond: { status: 200 } }]"),
      /a route has one action/,
    ],
    [
      "a path that is matched in two ways",
      service("routes: [{ match: { prefix: /a, exact: /b } }]"),
      /^4:37 .*match\.exact: a path is matched in one way/,
    ],
    ["a prefix that is no path", service("routes: [{ match: { prefix: a } }]"), /must begin with "\/"/],
    ["an unknown retry condition", service("retries: { on: [5xxx] }"), /must be some of 5xx.*not "5xxx"/],
    ["TLS that would believe anybody", service("tls: {}"), /any certificate of any public CA would do/],
    [
      "half a client certificate",
      service("tls: { certificate_file: /c.pem }"),
      /needs both "certificate_file" and "private_key_file"/,
    ],
    [
      "a health check of two kinds",
      service("health_checks: [{ path: /, tcp: true }]"),
      /needs exactly one of/,
    ],
    [
      "a listener on a name",
      `${service()}\nlisteners: [{ name: a, address: "localhost:1" }]`,
      /^4:24 listeners\[0\]\.address: a listener binds an IP address/,
    ],
    [
      "a listener for gRPC clients with an address",
      `${service()}\nlisteners: [{ name: a, grpc: true, address: "127.0.0.1:1" }]`,
      /binds nothing/,
    ],
    [
      "a listener for a service that is not there",
      `${service()}\nlisteners: [{ name: a, address: "127.0.0.1:1", services: [ordes] }]`,
      /no service is named "ordes" \(did you mean "orders"\?\)/,
    ],
    ["a resource without a type", "resources: [{ name: a }]\n", /^1:13 resources\[0\]: "@type" is missing/],
    [
      "a resource of a type that is not served",
      'resources: [{ "@type": type.googleapis.com/envoy.config.cluster.v3.Clutser }]\n',
      /is not served \(did you mean "type\.googleapis\.com\/envoy\.config\.cluster\.v3\.Cluster"\?\)/,
    ],
    [
      "a key that reaches for prototypes",
      "services: [{ name: a, __proto__: {} }]\n",
      /"__proto__" is not allowed as a key/,
    ],
  ];
  for (const [what, text, ...expected] of wrong) {
    it(`names ${what}`, () => {
      const found = problems(text);
      for (const pattern of expected) {
        assert.ok(
          found.some((problem) => pattern.test(problem)),
          `${pattern} not in:\n${found.join("\n")}`,
        );
      }
      assert.equal(validateMesh(text, "mesh.yaml").snapshot, undefined);
    });
  }

  it("names a mistake of a service once, however many listeners route to it", () => {
    const text = `${service('routes: [{ match: { regex: "(" } }]')}
listeners: [{ name: a, address: "127.0.0.1:1" }, { name: b, address: "127.0.0.1:2" }]`;
    assert.deepEqual(
      problems(text).map((problem) => problem.split(": ")[0]),
      ["4:25 services[0].routes[0].match.regex"],
    );
  });

  it("names a domain that two services claim", () => {
    const text = `${service()}\n  - { name: next, domains: [ORDERS], endpoints: [] }`;
    assert.match(problems(text).join(), /^4:29 services\[1\]\.domains\[0\]: .*orders/i);
  });

  it("has all its mistakes named at once, in the order of the file", () => {
    const text = `${endpoints("127.0.0.1:0", "127.0.0.1:70000")}\n    polcy: random\n    timeout: soon\n`;
    assert.deepEqual(
      problems(text).map((problem) => problem.split(" ")[0]),
      ["4:9", "5:9", "6:5", "7:5"],
    );
  });

  it("with a host name among its endpoints makes the cluster resolve names", () => {
    const { snapshot } = validateMesh(endpoints("127.0.0.1:9001", "orders.internal:9001"), "mesh.yaml");
    assert.ok(snapshot);
    assert.equal([...snapshot.types.values()].flatMap((type) => [...type.resources.keys()]).length, 3);
  });

  it("has the same version when only comments and the order of keys change", () => {
    const version = (text: string) => validateMesh(text, "mesh.yaml").snapshot?.version;
    assert.equal(
      version(service("timeout: 5s", "protocol: http2")),
      version(service("protocol: http2", "timeout: 5000ms # same")),
    );
    assert.notEqual(version(service("timeout: 5s")), version(service("timeout: 6s")));
  });
});
