import assert from "node:assert/strict";
import { test } from "node:test";
import { type OtelSettings, readOtelEnvironment } from "../../sidecar/telemetry/otel-environment.ts";

function read(environment: Record<string, string>): OtelSettings {
  return readOtelEnvironment(environment, { serviceName: "web", sampleRatio: 0.01 });
}

test("without variables nothing is exported, and the sidecar's own ratio samples", () => {
  const settings = read({});
  assert.equal(settings.otlp, undefined);
  assert.deepEqual(settings.sampler, { ratio: 0.01, parentBased: true });
  assert.equal(settings.resource.get("service.name"), "web");
  assert.deepEqual(settings.warnings, []);
});

test("the general endpoint gets /v1/traces, the signal's own is used as it stands", () => {
  assert.equal(read({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/" }).otlp?.url, "http://c:4318/v1/traces");
  const both = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318",
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t:1/in",
  };
  assert.equal(read(both).otlp?.url, "http://t:1/in");
});

test("naming the exporter is enough to export to the default endpoint", () => {
  assert.equal(read({ OTEL_TRACES_EXPORTER: "otlp" }).otlp?.url, "http://localhost:4318/v1/traces");
});

test("OTEL_SDK_DISABLED and the none exporter switch export off", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" };
  assert.equal(read({ ...endpoint, OTEL_SDK_DISABLED: "true" }).otlp, undefined);
  assert.equal(read({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }).otlp, undefined);
});

const SAMPLERS: readonly (readonly [name: string, arg: string, ratio: number, parentBased: boolean])[] = [
  ["always_on", "", 1, false],
  ["always_off", "", 0, false],
  ["traceidratio", "0.25", 0.25, false],
  ["traceidratio", "", 1, false],
  ["parentbased_always_on", "", 1, true],
  ["parentbased_always_off", "", 0, true],
  ["parentbased_traceidratio", "0.5", 0.5, true],
];

for (const [name, arg, ratio, parentBased] of SAMPLERS) {
  test(`OTEL_TRACES_SAMPLER=${name} with argument "${arg}" samples ${ratio}`, () => {
    const { sampler } = read({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg });
    assert.deepEqual(sampler, { ratio, parentBased });
  });
}

const BAD: readonly (readonly [name: string, value: string, warning: RegExp])[] = [
  [
    "OTEL_TRACES_SAMPLER",
    "always_onn",
    /must be one of .*did you mean "always_on".*parentbased_traceidratio is used/,
  ],
  ["OTEL_TRACES_SAMPLER_ARG", "7", /must be a number from 0 to 1, not "7"/],
  ["OTEL_BSP_MAX_QUEUE_SIZE", "lots", /must be a number from 1 to 1000000, not "lots"; 4096 is used/],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", /must be an http:\/\/ or https:\/\/ URL/],
  ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", /"grpc" is not supported; http\/protobuf is used/],
  ["OTEL_EXPORTER_OTLP_HEADERS", "no-equals", /entry 1 is not key=value/],
  ["OTEL_RESOURCE_ATTRIBUTES", "a=1,oops,b=2", /"oops" is not key=value and is left out/],
  ["OTEL_PROPAGATORS", "tracecontext,b3", /"b3" is not supported and ignored/],
  ["OTEL_SERVICE_NAM", "x", /is not known and ignored \(did you mean "OTEL_SERVICE_NAME"\?\)/],
  [
    "OTEL_METRICS_EXPORTER",
    "otlp",
    /metrics are not exported; have \/stats\/prometheus of the admin scraped/,
  ],
  ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "10", /has no effect; spans have at most 40 attributes/],
  ["OTEL_LOG_LEVEL", "debug", /has no effect; log_level sets/],
  ["OTEL_CONFIG_FILE", "/x.yaml", /declarative configuration is not supported/],
  ["OTEL_SDK_DISABLED", "yes", /must be true or false, not "yes"; false is used/],
];

for (const [name, value, warning] of BAD) {
  test(`${name}=${value} makes a warning and nothing worse`, () => {
    const { warnings } = read({ [name]: value });
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, warning);
    assert.ok(warnings[0]!.startsWith(`${name}: `));
  });
}

test("one malformed resource attribute does not lose the others", () => {
  const { resource } = read({ OTEL_RESOURCE_ATTRIBUTES: "a=1,oops,b=two%20words,service.name=shop" });
  assert.deepEqual(Object.fromEntries(resource), { a: "1", b: "two words", "service.name": "shop" });
});

test("OTEL_SERVICE_NAME wins over service.name of the resource attributes", () => {
  const { resource } = read({ OTEL_SERVICE_NAME: "till", OTEL_RESOURCE_ATTRIBUTES: "service.name=shop" });
  assert.equal(resource.get("service.name"), "till");
});

test("every setting in force is told with its origin, secrets hidden", () => {
  const { effective } = read({
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20s3cret",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://user:s3cret@c:4318",
    OTEL_BSP_SCHEDULE_DELAY: "250",
  });
  assert.deepEqual(
    effective.find(({ name }) => name === "OTEL_BSP_SCHEDULE_DELAY"),
    { name: "OTEL_BSP_SCHEDULE_DELAY", value: "250", origin: "OTEL_BSP_SCHEDULE_DELAY" },
  );
  assert.equal(effective.find(({ name }) => name === "OTEL_BSP_MAX_QUEUE_SIZE")?.origin, "default");
  assert.doesNotMatch(JSON.stringify(effective), /s3cret/);
});
