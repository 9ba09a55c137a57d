import assert from "node:assert/strict";
import { test } from "node:test";
import { type AdsStream, GrpcTransport } from "../../../xds/client/ads-transport.ts";
import type { XdsServer } from "../../../xds/client/xds-server.ts";
import { FakeAdsServer } from "../../support/fake-ads-server.ts";

/** How one stream to the server ends; `opened` sees it open. */
function endOf(server: XdsServer, opened: (stream: AdsStream) => void = () => {}): Promise<string> {
  const transport = new GrpcTransport({
    server,
    receiveLimitBytes: 1024,
    keepaliveMs: 30_000,
    keepaliveTimeoutMs: 10_000,
  });
  return new Promise((resolve) => {
    const stream = transport.connect({
      open: () => opened(stream),
      message: () => {},
      close: ({ code, reason }) => resolve(`${code}: ${reason}`),
    });
  });
}

test("a certificate file that cannot be read is a failed stream with its reason", async () => {
  const trustedCa = { kind: "file", path: "/nowhere/ca.pem" } as const;
  const end = await endOf({
    target: "127.0.0.1:1",
    tls: { trustedCa, certificate: undefined, serverName: "" },
  });
  assert.match(end, /^UNAVAILABLE: ENOENT.*\/nowhere\/ca\.pem/);
});

test("a server that is not there is a failed stream that says what the system said", async () => {
  const server = await FakeAdsServer.start();
  server.stop();
  assert.match(await endOf({ target: server.target, tls: undefined }), /^UNAVAILABLE: .*ECONNREFUSED/);
});

test("a message over the receive limit ends the stream and says so", async (t) => {
  const server = await FakeAdsServer.start();
  t.after(() => server.stop());
  const end = await endOf({ target: server.target, tls: undefined }, (stream) => {
    stream.send(new Uint8Array());
    void server.request(() => true).then(() => server.send(Buffer.alloc(2000)));
  });
  assert.match(end, /^RESOURCE_EXHAUSTED: .*1024/);
});

test("TLS is not answered in plain text", async (t) => {
  const server = await FakeAdsServer.start();
  t.after(() => server.stop());
  const tls = { trustedCa: undefined, certificate: undefined, serverName: "" };
  assert.match(await endOf({ target: server.target, tls }), /^UNAVAILABLE: /);
});
