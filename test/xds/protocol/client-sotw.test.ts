import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AnyResource } from "../../../xds/protocol/client-response.ts";
import { SotwSubscription } from "../../../xds/protocol/client-sotw.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { textResource, textType } from "../../support/text-resource.ts";

const TYPE_URL = "type.googleapis.com/test.Text";

function toEnd<T>(steps: Iterator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function subject({ wildcard = false, fullState = false } = {}) {
  const clock = new FakeClock();
  const timeouts: string[][] = [];
  let decodes = 0;
  const type = textType(wildcard || fullState, () => decodes++);
  const subscription = new SotwSubscription(type, wildcard, {
    clock,
    onTimeout: (names) => timeouts.push([...names]),
  });
  let nonce = 0;
  const receive = (version: string, ...resources: AnyResource[]) =>
    toEnd(
      subscription.receive({
        typeUrl: TYPE_URL,
        versionInfo: version,
        nonce: `n${++nonce}`,
        resources,
        errors: [],
      }),
    );
  const want = (...names: string[]) => subscription.want(new Map(names.map((name) => [name, 15_000])));
  const content = () =>
    Object.fromEntries([...subscription.entries].map(([name, entry]) => [name, entry.value?.value]));
  const states = () =>
    Object.fromEntries([...subscription.entries].map(([name, entry]) => [name, entry.state]));
  return { clock, subscription, receive, want, content, states, timeouts, decodes: () => decodes };
}

describe("requests", () => {
  test("a wildcard type asks with an empty list, no version and no nonce when the first stream opens", () => {
    const { subscription } = subject({ wildcard: true });
    assert.deepEqual(subscription.open(), {
      typeUrl: TYPE_URL,
      versionInfo: "",
      responseNonce: "",
      resourceNames: [],
      errorDetail: undefined,
    });
  });

  test("a named type asks for nothing until something is wanted", () => {
    const { subscription, want } = subject();
    assert.equal(subscription.open(), undefined);
    assert.deepEqual(want("a", "b")?.resourceNames, ["a", "b"]);
  });

  test("the same names again are no reason for a request", () => {
    const { subscription, want } = subject();
    subscription.open();
    want("a");
    assert.equal(want("a"), undefined);
  });

  test("a changed list is always complete and carries the newest nonce and the accepted version", () => {
    const { subscription, want, receive } = subject();
    want("a");
    subscription.open();
    receive("1", textResource("a", "x"));
    const request = want("a", "b");
    assert.deepEqual(
      [request?.versionInfo, request?.responseNonce, request?.resourceNames],
      ["1", "n1", ["a", "b"]],
    );
  });

  test("the last name that is given up is told with an empty list", () => {
    const { subscription, want } = subject();
    want("a");
    subscription.open();
    assert.deepEqual(want()?.resourceNames, []);
  });

  test("a new stream starts without a nonce but with the accepted version", () => {
    const { subscription, want, receive } = subject();
    want("a");
    subscription.open();
    receive("7", textResource("a", "x"));
    subscription.close();
    assert.equal(want("a", "b"), undefined, "nothing is sent while there is no stream");
    const request = subscription.open();
    assert.deepEqual(
      [request?.versionInfo, request?.responseNonce, request?.resourceNames],
      ["7", "", ["a", "b"]],
    );
  });
});

describe("ACK and NACK", () => {
  test("a good response is acknowledged with its version and nonce", () => {
    const { subscription, receive, content } = subject({ wildcard: true });
    subscription.open();
    const { request, changed } = receive("1", textResource("a", "x"));
    assert.deepEqual(
      [request.versionInfo, request.responseNonce, request.errorDetail],
      ["1", "n1", undefined],
    );
    assert.equal(changed, true);
    assert.deepEqual(content(), { a: "x" });
  });

  test("a bad first response is refused with an empty version", () => {
    const { subscription, receive } = subject({ wildcard: true });
    subscription.open();
    const { request } = receive("1", textResource("a", "bad: too long"));
    assert.deepEqual([request.versionInfo, request.responseNonce], ["", "n1"]);
    assert.equal(request.errorDetail, '"a": content: too long');
  });

  test("the good resources of a refused response are used, the bad ones keep their last good content", () => {
    const { subscription, receive, content, states } = subject({ wildcard: true });
    subscription.open();
    receive("1", textResource("a", "x"), textResource("b", "y"));
    const { request, updated, rejections } = receive(
      "2",
      textResource("a", "bad: one"),
      textResource("b", "z"),
      textResource("c", "bad: two"),
    );
    assert.equal(request.versionInfo, "1", "the version moves only with a response that is accepted whole");
    assert.equal(request.responseNonce, "n2");
    assert.equal(request.errorDetail, '"a": content: one\n"c": content: two');
    assert.equal(updated, 1);
    assert.equal(rejections.length, 2);
    assert.deepEqual(content(), { a: "x", b: "z", c: undefined });
    assert.deepEqual(states(), { a: "nacked", b: "acked", c: "nacked" });
    const failure = subscription.entries.get("a")?.failure;
    assert.deepEqual([failure?.version, failure?.reason], ["2", "content: one"]);
    assert.equal(subscription.entries.get("a")?.version, "1");
  });

  test("a refused resource that comes back as it was is accepted and its failure forgotten", () => {
    const { subscription, receive } = subject({ wildcard: true });
    subscription.open();
    receive("1", textResource("a", "x"));
    receive("2", textResource("a", "bad: one"));
    const { request, changed } = receive("3", textResource("a", "x"));
    assert.equal(request.versionInfo, "3");
    assert.equal(changed, false);
    const entry = subscription.entries.get("a");
    assert.deepEqual([entry?.state, entry?.failure, entry?.version], ["acked", undefined, "3"]);
  });

  test("a name that comes twice is refused and neither is used", () => {
    const { subscription, receive, content } = subject({ wildcard: true });
    subscription.open();
    receive("1", textResource("a", "x"), textResource("b", "y"));
    const { request } = receive("2", textResource("a", "x"), textResource("a", "z"), textResource("b", "y2"));
    assert.match(request.errorDetail ?? "", /"a": name: is used twice/);
    assert.deepEqual(content(), { a: "x", b: "y2" });
  });

  test("a resource of another type is refused by its place in the response", () => {
    const { subscription, receive } = subject({ wildcard: true });
    subscription.open();
    const { request } = receive("1", { ...textResource("a", "x"), typeUrl: "type.googleapis.com/other" });
    assert.match(request.errorDetail ?? "", /"resources\[0\]": is a "type.googleapis.com\/other"/);
  });

  test("every response is answered, also one for names that are no longer wanted", () => {
    const { subscription, receive, want, content } = subject();
    want("a");
    subscription.open();
    want();
    const { request, superfluous } = receive("1", textResource("a", "x"));
    assert.deepEqual(
      [request.responseNonce, request.resourceNames, request.errorDetail],
      ["n1", [], undefined],
    );
    assert.equal(superfluous, 1);
    assert.deepEqual(content(), {});
  });

  test("warnings do not refuse a resource", () => {
    const { subscription, receive, content } = subject({ wildcard: true });
    subscription.open();
    const { request, warnings } = receive("1", textResource("a", "odd: ignored"));
    assert.equal(request.errorDetail, undefined);
    assert.deepEqual(
      warnings.map(({ name, problem }) => [name, problem.path]),
      [["a", "content"]],
    );
    assert.deepEqual(content(), { a: "odd: ignored" });
  });

  test("the detail of a NACK is cut to 4 KiB and says how many resources were refused", () => {
    const { subscription, receive } = subject({ wildcard: true });
    subscription.open();
    const bad = Array.from({ length: 200 }, (_, i) => textResource(`name-${i}`, `bad: ${"é".repeat(40)}`));
    const { errorDetail } = receive("1", ...bad).request;
    assert.ok(Buffer.byteLength(errorDetail!) <= 4096);
    assert.match(errorDetail!, /\(truncated; 200 resources refused\)$/);
    assert.ok(!errorDetail!.includes("�"));
  });
});

describe("unchanged content", () => {
  test("identical bytes are not decoded, keep the value's identity and change nothing", () => {
    const { subscription, receive, decodes } = subject({ wildcard: true });
    subscription.open();
    receive("1", textResource("a", "x"));
    const before = subscription.entries.get("a")?.value;
    const { changed, request } = receive("2", textResource("a", "x"));
    assert.equal(changed, false);
    assert.equal(request.versionInfo, "2");
    assert.equal(decodes(), 1);
    assert.equal(subscription.entries.get("a")?.value, before);
    assert.equal(before?.version, "1");
    assert.equal(subscription.entries.get("a")?.version, "2");
  });
});

test("a response that is abandoned while it is read has changed nothing", () => {
  const { subscription, content } = subject({ wildcard: true });
  subscription.open();
  const resources = [textResource("a", "x"), textResource("b", "y")];
  const reading = subscription.receive({
    typeUrl: TYPE_URL,
    versionInfo: "1",
    nonce: "n",
    resources,
    errors: [],
  });
  assert.equal(reading.next().done, false);
  assert.deepEqual(content(), {});
  assert.equal(subscription.status().responses, 0);
});

describe("deletion", () => {
  test("what is missing from a full-state response is deleted", () => {
    const { subscription, receive, content } = subject({ wildcard: true });
    subscription.open();
    receive("1", textResource("a", "x"), textResource("b", "y"));
    assert.equal(receive("2", textResource("b", "y")).changed, true);
    assert.deepEqual(content(), { b: "y" });
    assert.equal(receive("3").changed, true);
    assert.deepEqual(content(), {});
  });

  test("a resource that is refused is not deleted", () => {
    const { subscription, receive, content } = subject({ wildcard: true });
    subscription.open();
    receive("1", textResource("a", "x"));
    receive("2", textResource("a", "bad: one"));
    assert.deepEqual(content(), { a: "x" });
  });

  test("nothing is deleted by a response that holds a resource whose name cannot be read", () => {
    const { subscription, receive, content } = subject({ wildcard: true });
    subscription.open();
    receive("1", textResource("a", "x"), textResource("b", "y"));
    const garbage = { typeUrl: TYPE_URL, value: Buffer.from([0xff, 0xff]) };
    const { request } = receive("2", textResource("a", "x"), garbage);
    assert.match(request.errorDetail ?? "", /resources\[1\]/);
    assert.deepEqual(content(), { a: "x", b: "y" });
  });

  test("a named resource is not deleted by being absent, unless its type sends the full state", () => {
    const { subscription, receive, want, content } = subject();
    want("a", "b");
    subscription.open();
    receive("1", textResource("a", "x"), textResource("b", "y"));
    assert.equal(receive("2", textResource("a", "x")).changed, false);
    assert.deepEqual(content(), { a: "x", b: "y" });
  });

  test("a full-state response that lacks a name never delivered leaves it awaited", () => {
    const { subscription, receive, want, states } = subject({ fullState: true });
    want("a", "b");
    subscription.open();
    receive("1", textResource("a", "x"));
    assert.deepEqual(states(), { a: "acked", b: "requested" });
    receive("2", textResource("b", "y"));
    assert.deepEqual(states(), { a: "does_not_exist", b: "acked" });
  });

  test("a name that is no longer wanted is dropped", () => {
    const { subscription, receive, want, content } = subject();
    want("a", "b");
    subscription.open();
    receive("1", textResource("a", "x"), textResource("b", "y"));
    want("b");
    assert.deepEqual(content(), { b: "y" });
  });
});

describe("waiting", () => {
  test("a name that does not come within its time is reported once, and still taken when it comes later", () => {
    const { clock, subscription, receive, want, states, timeouts } = subject();
    want("a", "b");
    subscription.open();
    receive("1", textResource("a", "x"));
    clock.advance(14_999);
    assert.deepEqual(timeouts, []);
    clock.advance(1);
    assert.deepEqual(timeouts, [["b"]]);
    assert.deepEqual(states(), { a: "acked", b: "timeout" });
    assert.equal(clock.pending, 0);
    receive("2", textResource("b", "y"));
    assert.deepEqual(states(), { a: "acked", b: "acked" });
  });

  test("time does not count before there is a stream, nor after it is lost", () => {
    const { clock, subscription, want, timeouts } = subject();
    want("a");
    clock.advance(60_000);
    subscription.open();
    clock.advance(14_000);
    subscription.close();
    clock.advance(60_000);
    assert.deepEqual(timeouts, []);
    subscription.open();
    clock.advance(14_999);
    assert.deepEqual(timeouts, []);
    clock.advance(1);
    assert.deepEqual(timeouts, [["a"]]);
  });

  test("a refused resource counts as seen", () => {
    const { clock, subscription, receive, want, states, timeouts } = subject();
    want("a");
    subscription.open();
    receive("1", textResource("a", "bad: one"));
    clock.advance(60_000);
    assert.deepEqual(timeouts, []);
    assert.deepEqual(states(), { a: "nacked" });
  });

  test("a lost stream does not make a held resource overdue", () => {
    const { clock, subscription, receive, want, content } = subject();
    want("a");
    subscription.open();
    receive("1", textResource("a", "x"));
    subscription.close();
    subscription.open();
    clock.advance(60_000);
    assert.deepEqual(content(), { a: "x" });
    assert.equal(clock.pending, 0);
  });

  test("a timeout of 0 waits for ever", () => {
    const { clock, subscription, timeouts } = subject();
    subscription.want(new Map([["a", 0]]));
    subscription.open();
    clock.advance(10 * 365 * 86_400_000);
    assert.deepEqual(timeouts, []);
  });

  test("a wildcard that is not answered is waited for 15 s, so that a server with nothing to say holds nobody up", () => {
    const { clock, subscription, timeouts, receive } = subject({ wildcard: true });
    assert.equal(subscription.complete, false);
    subscription.open();
    clock.advance(15_000);
    assert.deepEqual([timeouts, subscription.complete], [[["*"]], true]);
    receive("1", textResource("a", "x"));
    assert.equal(subscription.complete, true);
    const answered = subject({ wildcard: true });
    answered.subscription.open();
    answered.receive("1");
    answered.clock.advance(60_000);
    assert.deepEqual([answered.timeouts, answered.subscription.complete], [[], true]);
  });

  test("an error that the server reports for a name ends the wait and keeps what was held", () => {
    const { clock, subscription, receive, want, states, content, timeouts } = subject();
    want("a", "b");
    subscription.open();
    receive("1", textResource("a", "x"));
    const errors = [
      { name: "a", reason: "storage is down" },
      { name: "b", reason: "no such thing" },
      { name: "never asked for", reason: "?" },
    ];
    const response = { typeUrl: TYPE_URL, versionInfo: "2", nonce: "n", resources: [], errors };
    assert.equal(toEnd(subscription.receive(response)).changed, true);
    clock.advance(60_000);
    assert.deepEqual(timeouts, []);
    assert.deepEqual(states(), { a: "received_error", b: "received_error" });
    assert.deepEqual(content(), { a: "x", b: undefined });
  });
});
