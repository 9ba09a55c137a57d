import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFormat } from "../../../xds/model/header-format.ts";

function reason(value: string): string {
  const format = parseFormat(value);
  assert.ok(!format.ok, value);
  return format.reason;
}

test("text and operators are told apart, and two percent signs are one", () => {
  assert.deepEqual(parseFormat("%%a%PROTOCOL%%ENVIRONMENT(HOME)%%%"), {
    ok: true,
    pieces: [
      { kind: "text", text: "%a" },
      { kind: "operator", operator: "PROTOCOL", argument: "" },
      { kind: "operator", operator: "ENVIRONMENT", argument: "HOME" },
      { kind: "text", text: "%" },
    ],
  });
  assert.deepEqual(parseFormat(""), { ok: true, pieces: [] });
});

test("a lone percent sign is refused with its place", () => {
  assert.match(reason("100% sure"), /"%" at position 3 that starts no operator/);
  assert.match(reason("a%"), /position 1/);
});

test("an operator that is not supported is refused with those that are", () => {
  assert.match(reason("%DYNAMIC_METADATA(a:b)%"), /not supported; supported: REQ, /);
});

test("arguments are refused where there is none, and wanted where there is one", () => {
  assert.match(reason("%START_TIME(%s)%"), /"%" at position 0|takes no argument/);
  assert.match(reason("%HOSTNAME(x)%"), /takes no argument here/);
  assert.match(reason("%REQ%"), /takes the name of one request header/);
  assert.match(reason("%REQ(a?b)%"), /takes the name of one request header/);
  assert.match(reason("%ENVIRONMENT(1x)%"), /takes the name of one environment variable/);
});
