import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { takeLoadReport } from "../../sidecar/proxy/load-report.ts";
import { OrcaLoadReportSchema } from "../../xds/proto/gen/xds/data/orca/v3/orca_load_report_pb.js";

const TEXT = "endpoint-load-metrics";
const WIRE = Buffer.from(
  toBinary(
    OrcaLoadReportSchema,
    create(OrcaLoadReportSchema, {
      cpuUtilization: 0.5,
      rpsFractional: 100,
      namedMetrics: { rif: 3, cores: 4, broken: Number.NEGATIVE_INFINITY },
    }),
  ),
).toString("base64");

suite("load reports", () => {
  for (const [form, name, value] of [
    [
      "text",
      TEXT,
      "TEXT cpu_utilization=0.5, rps_fractional=100,named_metrics.rif=3,named_metrics.cores=4,named_metrics.broken=-1",
    ],
    [
      "JSON in protobuf's names",
      TEXT,
      'JSON {"cpu_utilization":0.5,"rps_fractional":100,"named_metrics":{"rif":3,"cores":4,"broken":"x"}}',
    ],
    [
      "JSON in camel case",
      TEXT,
      'JSON {"cpuUtilization":0.5,"rpsFractional":100,"namedMetrics":{"rif":3,"cores":4,"broken":-2}}',
    ],
    ["binary in the text field", TEXT, `BIN ${WIRE}`],
    ["binary", `${TEXT}-bin`, WIRE],
  ] as const) {
    test(`a report as ${form} is read, and what is no measure is left out`, () => {
      assert.deepEqual(takeLoadReport([name, value]), {
        rif: 3,
        cores: 4,
        cpuUtilization: 0.5,
        applicationUtilization: Number.NaN,
        rps: 100,
        eps: Number.NaN,
        named: new Map([
          ["rif", 3],
          ["cores", 4],
        ]),
      });
    });
  }

  test("every report is taken out of the fields, and the first that can be read counts", () => {
    const fields = [
      ...["Content-Type", "a/b", "Endpoint-Load-Metrics", "nonsense"],
      ...[`${TEXT}-BIN`, WIRE, TEXT, "TEXT named_metrics.rif=9", "x-bin", "y"],
    ];
    assert.equal(takeLoadReport(fields)?.rif, 3);
    assert.deepEqual(fields, ["Content-Type", "a/b", "x-bin", "y"]);
  });

  test("an unreadable or oversized report is none", () => {
    for (const value of ["", "TEXT", "XML a=1", "JSON {", "JSON [1]", `BIN ${"A".repeat(7)}`]) {
      const rif = takeLoadReport([TEXT, value])?.rif ?? Number.NaN;
      assert.ok(Number.isNaN(rif), value);
    }
    assert.equal(takeLoadReport([TEXT, `TEXT rif=1,${"a=1,".repeat(2_000)}`]), undefined);
    assert.equal(takeLoadReport([]), undefined);
  });

  test("whatever a backend sends, a report holds finite numbers of at least 0 or says nothing", () => {
    const number = fc.oneof(
      fc.double(),
      fc.constantFrom("NaN", "-1", "1e999", "0x7", "", " ", "1_0", "null"),
    );
    const value = fc.oneof(
      fc.string(),
      fc.string().map((text) => `JSON ${text}`),
      fc.string().map((text) => `BIN ${Buffer.from(text).toString("base64")}`),
      number.map((one) => `TEXT rif=${one},cpu_utilization=${one},named_metrics.a=${one}`),
      number.map((one) => `JSON {"rif":${one},"cpu_utilization":${one},"named_metrics":{"a":${one}}}`),
    );
    const sound = (one: number): boolean => Number.isNaN(one) || (one >= 0 && Number.isFinite(one));
    fc.assert(
      fc.property(fc.constantFrom(TEXT, `${TEXT}-bin`), value, (name, text) => {
        const { named = new Map(), ...metrics } = takeLoadReport([name, text]) ?? {};
        return [...Object.values(metrics), ...named.values()].every(sound) && named.size <= 64;
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });
});
