import assert from "node:assert/strict";
import test from "node:test";
import { normalizeTarget, type PathRules } from "../../sidecar/routing/path-normalization.ts";

const OFF: PathRules = { normalizePath: false, mergeSlashes: false, escapedSlashes: "keep" };

function normalized(target: string, rules: Partial<PathRules>): string {
  const result = normalizeTarget(target, { ...OFF, ...rules });
  return "target" in result ? `${result.verdict} ${result.target}` : result.verdict;
}

const CASES: readonly (readonly [target: string, rules: Partial<PathRules>, wanted: string])[] = [
  ["/a//../b/%2F", {}, "keep"],
  ["/a/b?c=/../d", { normalizePath: true, mergeSlashes: true, escapedSlashes: "reject" }, "keep"],
  ["*", { normalizePath: true }, "keep"],
  ["/a/./b", { normalizePath: true }, "forward /a/b"],
  ["/a/../b?x=/../", { normalizePath: true }, "forward /b?x=/../"],
  ["/a/..", { normalizePath: true }, "forward /"],
  ["/a/b/.", { normalizePath: true }, "forward /a/b/"],
  ["/../../etc", { normalizePath: true }, "forward /etc"],
  ["/a/%2e%2E/b", { normalizePath: true }, "forward /b"],
  ["/%61%7e%2d", { normalizePath: true }, "forward /a~-"],
  ["/%e4%2f", { normalizePath: true }, "forward /%E4%2F"],
  ["/.well-known/x", { normalizePath: true }, "keep"],
  ["/a//b", { normalizePath: true }, "keep"],
  ["/a//b///c", { mergeSlashes: true }, "forward /a/b/c"],
  ["/a%2Fb", { escapedSlashes: "reject" }, "reject"],
  ["/a%5cb", { escapedSlashes: "reject" }, "reject"],
  ["/a?b=%2F", { escapedSlashes: "reject" }, "keep"],
  ["/a%2fb", { escapedSlashes: "unescape_and_forward" }, "forward /a/b"],
  ["/a%2fb", { escapedSlashes: "unescape_and_redirect" }, "redirect /a/b"],
  ["/public/..%2fsecret", { escapedSlashes: "unescape_and_forward", normalizePath: true }, "forward /secret"],
  ["/a%2f/b", { escapedSlashes: "unescape_and_forward", mergeSlashes: true }, "forward /a/b"],
];

test("paths are normalised as far as the listener asks, and queries never", () => {
  for (const [target, rules, wanted] of CASES) {
    assert.equal(normalized(target, rules), wanted, `${target} ${JSON.stringify(rules)}`);
  }
});
