import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import tls from "node:tls";
import type { ClusterConfiguration } from "../../xds/model/configuration.ts";
import type { TransportLabels } from "../../xds/model/endpoint.ts";
import type { DownstreamTls, PemSource, SanMatcher, UpstreamTls } from "../../xds/model/tls.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { cluster, GET, ProxyBed, versioned } from "../support/proxy-bed.ts";
import { RawConnection, ScriptedBackend } from "../support/raw-http.ts";

const DIRECTORY = join(import.meta.dirname, "../support/certificates");

function pem(name: string): string {
  return readFileSync(join(DIRECTORY, `${name}.pem`), "utf8");
}

function inline(name: string): PemSource {
  return { kind: "inline", pem: pem(name) };
}

function san(type: SanMatcher["type"], value: string): SanMatcher {
  return { type, matcher: { kind: "exact", value, ignoreCase: false } };
}

function upstreamTls(changes: Partial<UpstreamTls> = {}, names: readonly SanMatcher[] = []): UpstreamTls {
  return {
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    alpn: [],
    certificate: undefined,
    validation: { trustedCa: inline("ca"), subjectAltNames: names },
    sni: "server.test",
    autoHostSni: false,
    autoSniSanValidation: false,
    ...changes,
  };
}

/** A listener that shows its certificate and asks for none. */
const LISTENER_TLS: DownstreamTls = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  alpn: [],
  certificate: { chain: inline("server"), privateKey: inline("server-key") },
  validation: undefined,
  requireClientCertificate: false,
};

/** A TLS backend that answers with the SNI and the client's name it saw. */
async function tlsBackend(head = "", ends = false): Promise<{ port: number; close(): void }> {
  const server = tls.createServer(
    {
      cert: pem("server"),
      key: pem("server-key"),
      ca: pem("ca"),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (socket) => {
      const text = `${socket.servername} ${socket.getPeerCertificate().subject?.CN ?? "nobody"}`;
      socket.on("error", () => {});
      socket.on("data", () => {
        socket.write(head || `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
        if (ends) socket.end();
      });
    },
  );
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

suite("securing", () => {
  test("an upstream is spoken to by TLS, with SNI and our certificate", async (t) => {
    const backend = await tlsBackend();
    t.after(() => backend.close());
    const certificate = { chain: inline("client"), privateKey: inline("client-key") };
    const names = [san("uri", "spiffe://test/server")];
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port], { tls: upstreamTls({ certificate }, names) })],
    });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /server\.test client$/);
  });

  for (const [what, settings] of [
    ["whose name is not allowed", upstreamTls({}, [san("dns", "other.test")])],
    [
      "that is not for the server name asked for",
      upstreamTls({ sni: "other.test", autoSniSanValidation: true }),
    ],
    [
      "by an authority that is not trusted",
      upstreamTls({ validation: { trustedCa: inline("client"), subjectAltNames: [] } }),
    ],
  ] as const) {
    test(`a certificate ${what} is refused, and nothing is sent`, async (t) => {
      const backend = await tlsBackend();
      t.after(() => backend.close());
      const bed = await ProxyBed.start({ clusters: [cluster("orders", [backend.port], { tls: settings })] });
      t.after(() => bed.close());
      assert.match(await bed.ask(GET), /^HTTP\/1\.1 503 [\s\S]*x-envoy-response-flags: UF\r\n/);
      assert.equal(bed.recorder.exchanges[0]?.error, "upstream_tls_failure");
    });
  }

  test("an endpoint is spoken to by the first transport socket that its labels, or its locality's, ask for", async (t) => {
    const plain = await ScriptedBackend.answering("in the clear");
    const secure = await tlsBackend();
    t.after(() => Promise.all([plain.close(), secure.close()]));
    const label = (tls: string): TransportLabels => new Set([JSON.stringify(["tls", tls]), '["other",1]']);
    const clusters = (...labels: TransportLabels[][]): ClusterConfiguration[] => {
      const made = cluster("orders", [plain.port, secure.port], {
        tls: upstreamTls({ sni: "none.test" }),
        tlsMatches: [
          { labels: new Set(['["tls","yes"]']), tls: upstreamTls() },
          { labels: new Set(['["tls","no"]']), tls: undefined },
        ],
      });
      const assignment = structuredClone(made.assignment.value);
      assignment.localities[0]?.endpoints.forEach((endpoint, i) => {
        Object.assign(endpoint, { transportLabels: labels[i] ?? [] });
      });
      return [{ ...made, assignment: versioned(assignment) }];
    };
    const bed = await ProxyBed.start({ clusters: clusters([label("no")], [label("yes")]) });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), /in the clear$/);
    assert.match(await bed.ask(GET), /server\.test nobody$/);
    await bed.apply({ clusters: clusters([new Set(), label("no")], [new Set(), label("maybe")]) });
    const answers = [await bed.ask(GET), await bed.ask(GET)].join();
    assert.match(answers, /in the clear/, "the locality's labels count where its own do not");
    assert.match(answers, /none\.test nobody/, "the cluster's own socket is for those that no match takes");
  });

  test("a response over TLS that only the connection's end would frame is refused, unless that is allowed", async (t) => {
    const backend = await tlsBackend("HTTP/1.1 200 OK\r\n\r\nperhaps cut", true);
    const clusters = [cluster("orders", [backend.port], { tls: upstreamTls() })];
    const strict = await ProxyBed.start({ clusters });
    const lenient = await ProxyBed.start({ clusters, limits: { allowUnframedTlsResponses: true } });
    t.after(() => Promise.all([strict.close(), lenient.close(), backend.close()]));
    assert.match(await strict.ask(GET), /^HTTP\/1\.1 502 [\s\S]*neither a length nor chunks/);
    assert.match(await lenient.ask(GET), /^HTTP\/1\.1 200 [\s\S]*perhaps cut/);
    // To HEAD there is no body that could be cut.
    assert.match(await strict.ask(GET.replace("GET", "HEAD")), /^HTTP\/1\.1 200 /);
  });

  test("a listener speaks TLS and asks for the caller's certificate where it must", async (t) => {
    const backend = await ScriptedBackend.answering("secret");
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      listener: {
        tls: {
          minVersion: "TLSv1.2",
          maxVersion: "TLSv1.3",
          alpn: ["http/1.1"],
          certificate: { chain: inline("server"), privateKey: inline("server-key") },
          validation: { trustedCa: inline("ca"), subjectAltNames: [san("dns", "client.test")] },
          requireClientCertificate: true,
        },
      },
    });
    t.after(() => bed.close());
    const options = { port: bed.port, host: "127.0.0.1", ca: pem("ca"), servername: "server.test" };
    const known = new RawConnection(tls.connect({ ...options, cert: pem("client"), key: pem("client-key") }));
    known.send(GET);
    assert.match(await known.takeMessage(), /secret$/);
    known.socket.destroy();
    const unknown = new RawConnection(tls.connect(options));
    unknown.send(GET);
    assert.equal(await unknown.untilEnded(), "");
    unknown.socket.destroy();
  });

  test("handshakes under way count as connections, so callers that never finish theirs cannot pile up", async (t) => {
    const backend = await ScriptedBackend.answering("secret");
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      listener: { tls: LISTENER_TLS },
      limits: { maxDownstreamConnections: 1, maxWaitingConnections: 1 },
    });
    t.after(() => bed.close());
    const silent = [await bed.connect(), await bed.connect()];
    t.after(() => silent.map(({ socket }) => socket.destroy()));
    await eventually(() => bed.proxy.counts().handshakes === 2, "both bounds are filled");
    const further = await bed.connect().catch(() => undefined);
    if (further) assert.equal(await further.untilEnded(), "");
    assert.equal(bed.proxy.counts().refusedConnections, 1);
    for (const { socket } of silent) socket.resetAndDestroy();
    await eventually(() => bed.proxy.counts().handshakes === 0, "they are forgotten");
    const caller = new RawConnection(
      tls.connect({ port: bed.port, host: "127.0.0.1", ca: pem("ca"), servername: "server.test" }),
    );
    caller.send(GET);
    assert.match(await caller.takeMessage(), /secret$/);
    assert.equal(bed.proxy.counts().handshakes, 0);
    caller.socket.destroy();
  });

  test("a caller that leaves within its handshake is not waited for", async (t) => {
    const bed = await ProxyBed.start({ clusters: [], listener: { tls: LISTENER_TLS } });
    t.after(() => bed.close());
    const callers = [await bed.connect(), await bed.connect()];
    // The second has begun: the first bytes of a ClientHello.
    callers[1]?.send("\x16\x03\x01\x02\x00\x01\x00");
    await eventually(() => bed.proxy.counts().handshakes === 2, "both handshakes are under way");
    for (const { socket } of callers) socket.end();
    await eventually(() => bed.proxy.counts().handshakes === 0, "both are over");
    for (const caller of callers) await caller.untilClosed();
  });

  test("a half-closed caller over TLS gets its answer", async (t) => {
    const backend = await ScriptedBackend.answering("served");
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      listener: { tls: LISTENER_TLS },
    });
    t.after(() => bed.close());
    const socket = tls.connect({
      port: bed.port,
      host: "127.0.0.1",
      ca: pem("ca"),
      servername: "server.test",
    });
    await once(socket, "secureConnect");
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    socket.end(GET);
    await once(socket, "close");
    assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*served$/);
  });

  test("a tunnel over TLS on both sides whose caller vanishes ends, and the proxy goes on", async (t) => {
    const backend = await tlsBackend("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    t.after(() => backend.close());
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port], { tls: upstreamTls() })],
      listener: { tls: LISTENER_TLS },
      filter: { upgrades: new Set(["websocket"]) },
    });
    t.after(() => bed.close());
    const caller = new RawConnection(
      tls.connect({ port: bed.port, host: "127.0.0.1", ca: pem("ca"), servername: "server.test" }),
    );
    caller.send("GET / HTTP/1.1\r\nHost: orders\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    assert.match(await caller.takeUntil("\r\n\r\n"), / 101 /);
    caller.socket.destroy();
    await eventually(() => bed.proxy.counts().upstreamConnections === 0, "the tunnel ends");
  });

  test("a caller over TLS that comes when the bound on connections is met is turned away", async (t) => {
    const bed = await ProxyBed.start({
      clusters: [],
      listener: { tls: LISTENER_TLS },
      limits: { maxDownstreamConnections: 0, maxWaitingConnections: 0 },
    });
    t.after(() => bed.close());
    const caller = new RawConnection(
      tls.connect({ port: bed.port, host: "127.0.0.1", ca: pem("ca"), servername: "server.test" }),
    );
    assert.equal(await caller.untilEnded(), "");
    assert.equal(bed.proxy.counts().refusedConnections, 1);
  });

  test("a listener's new files that cannot be used are told of, and the last good ones serve on", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "dashpot-tls-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const put = (from: string, to: string): void => copyFileSync(join(DIRECTORY, from), join(directory, to));
    put("server.pem", "chain.pem");
    put("server-key.pem", "key.pem");
    const backend = await ScriptedBackend.answering("secret");
    t.after(() => backend.close());
    const clock = new FakeClock();
    const file = (name: string): PemSource => ({ kind: "file", path: join(directory, name) });
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port])],
      clock,
      listener: {
        tls: {
          minVersion: "TLSv1.2",
          maxVersion: "TLSv1.3",
          alpn: [],
          certificate: { chain: file("chain.pem"), privateKey: file("key.pem") },
          validation: undefined,
          requireClientCertificate: false,
        },
      },
    });
    t.after(() => bed.close());
    const failureAfterCall = async (): Promise<string | undefined> => {
      clock.advance(2_000);
      const options = { port: bed.port, host: "127.0.0.1", ca: pem("ca"), servername: "server.test" };
      const caller = new RawConnection(tls.connect(options));
      caller.send(GET);
      assert.match(await caller.takeMessage(), /secret$/);
      caller.socket.destroy();
      return bed.proxy.listeners()[0]?.failure;
    };
    assert.equal(await failureAfterCall(), "");
    put("client-key.pem", "key.pem");
    assert.match(
      (await failureAfterCall()) ?? "",
      /^the new TLS files cannot be used, the last good ones stay: /,
    );
    put("server-key.pem", "key.pem");
    assert.equal(await failureAfterCall(), "");
  });

  test("certificates are read again when their files change, and bad new ones leave the old in use", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "dashpot-tls-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const put = (from: string, to: string): void => copyFileSync(join(DIRECTORY, from), join(directory, to));
    put("client.pem", "chain.pem");
    put("client-key.pem", "key.pem");
    const backend = await tlsBackend();
    t.after(() => backend.close());
    const clock = new FakeClock();
    const file = (name: string): PemSource => ({ kind: "file", path: join(directory, name) });
    const settings = upstreamTls({ certificate: { chain: file("chain.pem"), privateKey: file("key.pem") } });
    const bed = await ProxyBed.start({
      clusters: [cluster("orders", [backend.port], { tls: settings, maxRequestsPerConnection: 1 })],
      clock,
    });
    t.after(() => bed.close());
    assert.match(await bed.ask(GET), / client$/);
    put("server.pem", "chain.pem");
    clock.advance(2_000);
    assert.match(await bed.ask(GET), / client$/, "a chain without its key is not used");
    put("server-key.pem", "key.pem");
    clock.advance(2_000);
    assert.match(await bed.ask(GET), / server$/);
  });
});
