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
    const environment = Object.fromEntries(others.map((name) => [`DASHPOT_${name}`, "x"]));
    environment["DASHPOT_DRAIN_DEADLIN"] = "1s";
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
