import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { environmentName, type Setting } from "../../sidecar/cli/setting.ts";
import { parseSettings, SETTINGS } from "../../sidecar/cli/settings.ts";
import { REFERENCE_PAGE, withReference } from "../../sidecar/cli/settings-reference.ts";
import { describeProblem, Problems } from "../../xds/common/problem.ts";

function parse(block: unknown, environment: Record<string, string> = {}) {
  const problems = new Problems();
  const { settings, effective } = parseSettings(block, environment, problems);
  return { settings, effective, problems: problems.found.map(describeProblem) };
}

const entries = Object.entries(SETTINGS) as [keyof typeof SETTINGS, Setting<unknown>][];

describe("the table", () => {
  test("every default is a value that its own setting accepts, written as the reference shows it", () => {
    for (const [name, { key, type, fallback }] of entries) {
      const written = Array.isArray(fallback) || fallback === "" ? fallback : type.show(fallback);
      const { settings, problems } = parse({ [key]: written });
      assert.deepEqual(problems, [], key);
      assert.deepEqual(settings[name], fallback, key);
    }
  });

  test("every key is written in lower case with underscores, is there once, and says its costs both ways", () => {
    const keys = entries.map(([, { key }]) => key);
    assert.equal(new Set(keys).size, keys.length);
    for (const [, { key, does, lower, higher }] of entries) {
      assert.match(key, /^[a-z]+(_[a-z]+)*$/);
      for (const sentence of [does, lower, higher]) assert.match(sentence, /\.$/, `${key}: ${sentence}`);
    }
  });

  test("the reference in docs/configuration.md is the one that the table gives", () => {
    const page = readFileSync(REFERENCE_PAGE, "utf8");
    assert.equal(page, withReference(page), "run node sidecar/cli/settings-reference.ts");
  });
});

describe("reading", () => {
  test("an absent block is all defaults", () => {
    const { settings, problems } = parse(undefined);
    assert.deepEqual(problems, []);
    assert.equal(settings.defaultPolicy, "adaptive");
    assert.equal(settings.drainDeadlineMs, 30_000);
    assert.deepEqual(settings.outboundAddress, { host: "127.0.0.1", port: 15_001 });
  });

  test("times and sizes are written with their units", () => {
    const { settings, problems } = parse({
      drain_deadline: "1.5m",
      xds_apply_interval: "250ms",
      replay_buffer_bytes: "64KiB",
      xds_receive_limit_bytes: 2_097_152,
      outbound_address: "[::1]:80",
      certificate_directories: ["/certs"],
      allow_unverified_upstream: true,
    });
    assert.deepEqual(problems, []);
    assert.equal(settings.drainDeadlineMs, 90_000);
    assert.equal(settings.xdsApplyIntervalMs, 250);
    assert.equal(settings.replayBufferBytes, 65_536);
    assert.equal(settings.xdsReceiveLimitBytes, 2_097_152);
    assert.deepEqual(settings.outboundAddress, { host: "::1", port: 80 });
    assert.deepEqual(settings.certificateDirectories, ["/certs"]);
    assert.equal(settings.allowUnverifiedUpstream, true);
  });

  test("the environment wins over the file, and a variable that is empty counts as absent", () => {
    const environment = {
      DASHPOT_DRAIN_DEADLINE: "5s",
      DASHPOT_CERTIFICATE_DIRECTORIES: "/a:/b",
      DASHPOT_LOG_LEVEL: "",
    };
    const { settings, problems } = parse({ drain_deadline: "10s", log_level: "warn" }, environment);
    assert.deepEqual(problems, []);
    assert.equal(settings.drainDeadlineMs, 5000);
    assert.equal(settings.logLevel, "warn");
    assert.deepEqual(settings.certificateDirectories, ["/a", "/b"]);
    assert.equal(environmentName(SETTINGS.drainDeadlineMs), "DASHPOT_DRAIN_DEADLINE");
  });

  test("every setting is shown with its value and where it comes from", () => {
    const { effective } = parse({ drain_min: "2s" }, { DASHPOT_DRAIN_DEADLINE: "90s" });
    const shown = effective.filter(({ name }) => name.startsWith("drain") || name === "replay_buffer_bytes");
    assert.deepEqual(shown, [
      { name: "replay_buffer_bytes", value: "64KiB", origin: "default" },
      { name: "drain_deadline", value: "90s", origin: "DASHPOT_DRAIN_DEADLINE" },
      { name: "drain_min", value: "2s", origin: "bootstrap" },
    ]);
    assert.equal(effective.length, entries.length);
  });

  test("every fault is told at once with its place, and leaves the default", () => {
    const block = {
      defalt_policy: "adaptive",
      default_policy: "fastest",
      max_connections: 0,
      trace_sample_ratio: "half",
      drain_deadline: 30,
      replay_buffer_bytes: "1GB",
      allow_unverified_upstream: "yes",
      certificate_directories: ["relative"],
      outbound_address: "localhost:80",
    };
    const { settings, problems } = parse(block, { DASHPOT_LOG_LEVEL: "loud" });
    assert.deepEqual(problems, [
      'dashpot.defalt_policy: unknown setting "defalt_policy" (did you mean "default_policy"?)',
      'dashpot.default_policy: must be one of adaptive, round_robin, least_request, random, peak_ewma, not "fastest"',
      'dashpot.outbound_address: must be an IP address and a port, like 127.0.0.1:15001, not "localhost:80"',
      'DASHPOT_LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent, not "loud"',
      "dashpot.max_connections: must be a whole number from 1 to 1000000, not 0",
      'dashpot.replay_buffer_bytes: must be bytes from 0 to 16MiB, like 65536 or 64KiB, not "1GB"',
      "dashpot.drain_deadline: must be a time from 0s to 1h, like 250ms, 30s or 5m, not 30",
      'dashpot.trace_sample_ratio: must be a number from 0 to 1, not "half"',
      'dashpot.allow_unverified_upstream: must be true or false, not "yes"',
      'dashpot.certificate_directories: must be a list of absolute paths, not ["relative"]',
    ]);
    assert.equal(settings.defaultPolicy, "adaptive");
    assert.equal(settings.maxConnections, 10_000);
  });

  test("a variable that is nearly a setting's is told, others are left alone", () => {
    const others = [
      "CONFIG",
      "XDS",
      "NODE_ID",
      "NODE_CLUSTER",
      "ADMIN",
      "MESH",
      "CONTROL_ADDRESS",
      "PORT",
      "SERVICE_HOST",
    ];
    const environment = Object.fromEntries(
      ["DRAIN_DEADLIN", ...others].map((name) => [`DASHPOT_${name}`, "x"]),
    );
    assert.deepEqual(parse(undefined, environment).problems, [
      "DASHPOT_DRAIN_DEADLIN: is no setting, did you mean DASHPOT_DRAIN_DEADLINE?",
    ]);
  });

  test("a block that is no mapping is refused", () => {
    assert.deepEqual(parse(["drain_deadline"]).problems, [
      "dashpot: must be a mapping of settings, not a list",
    ]);
  });
});
