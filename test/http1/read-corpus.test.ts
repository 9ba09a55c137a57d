import assert from "node:assert/strict";
import net from "node:net";
import { suite, test } from "node:test";
import { bytesOfLine, linesOfBytes } from "./byte-text.ts";
import { CorpusOrigin } from "./corpus-origin.ts";
import { LOOPBACK } from "./loopback.ts";
import { playCase } from "./play-case.ts";
import { readCases } from "./read-corpus.ts";

const REQUEST = "client sends\n  | GET / HTTP/1.1\n  | Host: a\n  |\n";

function readOne(steps: string): ReturnType<typeof readCases> {
  return readCases("x.req", `== A case\nsee: RFC\n${steps}`);
}

suite("the corpus itself", () => {
  test("a line becomes its bytes, and bytes become lines again", () => {
    assert.equal(bytesOfLine("a\\tb\\0\\x80\\\\"), "a\tb\0\x80\\\r\n");
    assert.equal(bytesOfLine("no end\\"), "no end");
    assert.equal(bytesOfLine("\\*3:a\\*2:\\r\\*2:\\xff"), "aaa\r\r\xff\xff\r\n");
    assert.throws(() => bytesOfLine("\\q"), /\\q is no escape/);
    assert.equal(linesOfBytes("a\\\xe9\r\n\0"), "    | a\\\\\\xe9\n    | \\0\\");
  });

  test("a case is read with its steps, its settings and its reasons", () => {
    const [one, two, ...more] = readOne(
      `haproxy: mends it\nupgrades: websocket, CONNECT\n${REQUEST}client gets {each} and is closed\nfor each\n  | 400\n  | 501\n`,
    );
    assert.deepEqual(more, []);
    assert.equal(one?.name, "A case [400]");
    assert.deepEqual(one?.upgrades, ["websocket", "CONNECT"]);
    assert.equal(one?.differences.get("haproxy"), "mends it");
    assert.deepEqual(two?.steps, [
      { kind: "sends", side: "client", bytes: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", line: 5 },
      { kind: "status", status: 501, line: 9 },
      { kind: "closed", side: "client", reset: false, line: 9 },
    ]);
  });

  test("what is no step, and a case without its source, is told with its place", () => {
    assert.throws(() => readOne("client waits\n"), /x\.req:3: "client waits" is no step/);
    assert.throws(() => readOne("origin gets 400\n"), /x\.req:3: /);
    assert.throws(() => readCases("x.req", "== A case\nclient ends\n"), /x\.req:1: .*does not say/);
    assert.throws(() => readCases("x.req", "client ends\n"), /x\.req:1: a case begins/);
  });

  for (const [what, steps, told] of [
    ["passes what is to be refused", "client gets 400\n", /the origin gets it/],
    ["passes what nobody expects", "", /at the end: the origin gets more than the case says/],
    [
      "passes a field of the hop",
      "origin gets\n  | GET / HTTP/1.1\n  |\n",
      /a field too many: \["Host","a"\]/,
    ],
    [
      "changes a field",
      "origin gets\n  | GET / HTTP/1.1\n  | host: a\n  |\n",
      /says "Host: a" where "host: a" is expected/,
    ],
    [
      "keeps a connection that is to end",
      "origin gets\n  | GET / HTTP/1.1\n  | Host: a\n  |\norigin sends 200\nclient gets 200 and is closed\n",
      /nothing \(more\) came/,
    ],
  ] as const) {
    test(`a proxy that ${what} fails the case`, async (t) => {
      const [corpusCase] = readOne(REQUEST + steps);
      assert.ok(corpusCase);
      const origin = await CorpusOrigin.start();
      t.after(() => origin.close());
      // Passes every byte both ways, and is right about nothing.
      const pipe = net.createServer((client) => {
        const upstream = net.connect(origin.port, LOOPBACK);
        for (const socket of [client, upstream]) socket.on("error", () => {});
        client.pipe(upstream).pipe(client);
      });
      await new Promise<void>((resolve) => pipe.listen(0, LOOPBACK, resolve));
      t.after(() => pipe.close());
      const { port } = pipe.address() as net.AddressInfo;
      const options = { comparison: { own: new Set<string>(), exact: true }, stepTimeoutMs: 300 };
      await assert.rejects(playCase(corpusCase, port, origin, options), told);
    });
  }
});
