import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { seededRandom } from "../../xds/common/random.ts";
import type { Cluster } from "../../xds/model/cluster.ts";
import type { Listener } from "../../xds/model/listener.ts";
import type { DownstreamTls, PemSource, UpstreamTls } from "../../xds/model/tls.ts";
import { eventually } from "../support/eventually.ts";
import {
  type BedOptions,
  cluster,
  forward,
  ProxyBed,
  route,
  routeTable,
  virtualHost,
} from "../support/proxy-bed.ts";
import { RETRY } from "../support/retry-policy.ts";
import { match } from "../support/route-model.ts";
import { MarkedBackend, targetOf } from "./marked-backend.ts";
import { type Call, connect, MarkedCaller, type Tally } from "./marked-callers.ts";

const SEED = 20_261_121;
/** A tenth of what is run by hand: DASHPOT_TEST_REQUESTS=10000. */
const { DASHPOT_TEST_REQUESTS = "1000" } = process.env;
const REQUESTS = Number(DASHPOT_TEST_REQUESTS);
const CALLERS = 24;

const KIB = 1024;
const MIB = 1024 * KIB;
/** Around what is gathered, what is read at once into which memory, and what is held. */
const SIZES = [0, 1, 100, 4_000, 16 * KIB, 20_000, 64 * KIB, 72 * KIB, 100_000, 144 * KIB, 256 * KIB, MIB];
/** More than kernels take for a reader that does not read. */
const TORRENT = 10 * MIB;
/** Read one by one, they are small, and no longer so with what frames them. */
const TORRENT_PIECES = [16_380, 16_384];
const PIECES = [7, 1_000, 4_095, 8_000, 15_900, 16_380, 16_384, 16_400, 40_000, 70_000, 200_000];

function pem(name: string): string {
  return readFileSync(join(import.meta.dirname, `../support/certificates/${name}.pem`), "utf8");
}

function inline(name: string): PemSource {
  return { kind: "inline", pem: pem(name) };
}

const VERSIONS = { minVersion: "TLSv1.2", maxVersion: "TLSv1.3", alpn: [] } as const;
const LISTENER_TLS: DownstreamTls = {
  ...VERSIONS,
  certificate: { chain: inline("server"), privateKey: inline("server-key") },
  validation: undefined,
  requireClientCertificate: false,
};
const CLUSTER_TLS: UpstreamTls = {
  ...VERSIONS,
  certificate: undefined,
  validation: { trustedCa: inline("ca"), subjectAltNames: [] },
  sni: "server.test",
  autoHostSni: false,
  autoSniSanValidation: false,
};

const THRESHOLDS = {
  maxConnections: 1_024,
  maxPendingRequests: 1_024,
  maxRequests: 1_024,
  maxRetries: 1_024,
  retryBudget: undefined,
};
const UNBOUNDED: Partial<Cluster> = { circuitBreakers: { default: THRESHOLDS, high: THRESHOLDS } };

/** Calls of all kinds, drawn one after the other. */
class Calls {
  readonly #random: () => number;
  #id = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  get count(): number {
    return this.#id;
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #of<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** Small ones mostly, some at and around the bounds of buffers. */
  #size(): number {
    if (this.chance(0.4)) return this.below(2_000);
    const size = this.#of(SIZES);
    return size === MIB && this.chance(0.7) ? 0 : Math.max(0, size + this.below(600) - 300);
  }

  /** Few pieces of what is long: each is a turn of the event loop. */
  #piece(size: number): number {
    return Math.max(this.#of(PIECES), Math.ceil(size / 400));
  }

  #pause(): number {
    return this.chance(0.7) ? 0 : 1 + this.below(4);
  }

  draw(host: string): Call {
    const isTorrent = this.chance(0.03);
    const up = isTorrent && this.chance(0.3) ? TORRENT : this.#size();
    const down = isTorrent && up !== TORRENT ? TORRENT : this.#size();
    const retried = host === "retried";
    const fate = this.#random();
    const isEarly = host === "plain" && this.chance(0.1);
    const hasEnd = !isEarly && host !== "secure";
    return {
      id: ++this.#id,
      host,
      up: retried ? Math.min(up, 60 * KIB) : up,
      down,
      upPiece: this.#piece(up),
      downPiece: isTorrent ? this.#of(TORRENT_PIECES) : this.#piece(down),
      sendPause: isTorrent ? 0 : this.#pause(),
      backendSendPause: isTorrent ? 1 : this.#pause(),
      readPause: isTorrent ? 20 : this.#pause(),
      backendReadPause: isTorrent ? 20 : this.#pause(),
      upFraming: this.below(2),
      // Where the end is the only frame, a reset cuts it: who closes without having read everything sends one. And Node does not tell
      // a TLS connection that was cut from one that was closed.
      downFraming: isTorrent && hasEnd ? 2 : this.below(hasEnd ? 3 : 2),
      early: isEarly ? 1 : 0,
      resetAt: retried ? this.below(Math.min(up, 60 * KIB) + 1) : -1,
      cutAt: fate < 0.05 && down > 0 ? this.below(down) : -1,
      leaveAt: fate > 0.95 ? this.below(down + 1) : -1,
    };
  }

  /** Part of a pipeline. */
  drawSmall(host: string): Call {
    const up = this.chance(0.5) ? 0 : this.below(3_000);
    const down = this.chance(0.2) ? this.#size() : this.below(30_000);
    return {
      ...this.draw(host),
      up,
      down,
      early: 0,
      resetAt: -1,
      cutAt: -1,
      leaveAt: -1,
      downFraming: this.below(2),
    };
  }

  drawTunnel(host: string): Call {
    return { ...this.draw(host), resetAt: -1, cutAt: -1 };
  }
}

test("every byte of every body and tunnel arrives once, in its place and with its own caller, or is seen to be missing", async (t) => {
  const calls = new Calls(seededRandom(SEED));
  const [backend, mirror] = [new MarkedBackend(), new MarkedBackend()];
  t.after(() => {
    backend.close();
    mirror.close();
  });
  const secrets = { cert: pem("server"), key: pem("server-key") };
  const [plain, secure, copies, raw, rawSecure] = await Promise.all([
    backend.http(),
    backend.http(secrets),
    mirror.http(),
    backend.raw(),
    backend.raw(secrets),
  ]);
  const always = { numerator: 100, denominator: 100 } as const;
  const options: BedOptions = {
    clusters: [
      cluster("plain", [plain], UNBOUNDED),
      cluster("secure", [secure], { ...UNBOUNDED, tls: CLUSTER_TLS }),
      cluster("copies", [copies], UNBOUNDED),
      cluster("raw", [raw], UNBOUNDED),
      cluster("raw-secure", [rawSecure], { ...UNBOUNDED, tls: CLUSTER_TLS }),
    ],
    table: routeTable(
      virtualHost("plain", route(forward("plain", { timeoutMs: 0 }))),
      virtualHost("secure", route(forward("secure", { timeoutMs: 0 }))),
      virtualHost(
        "mirrored",
        route(forward("plain", { timeoutMs: 0, mirrors: [{ cluster: "copies", fraction: always }] })),
      ),
      virtualHost(
        "retried",
        route(
          forward("plain", {
            timeoutMs: 0,
            retryPolicy: { ...RETRY, on: new Set(["reset"]), numRetries: 3 },
          }),
        ),
      ),
      virtualHost("raw", route(forward("raw"), { match: match({ path: { kind: "connect" } }) })),
      virtualHost(
        "raw-secure",
        route(forward("raw-secure"), { match: match({ path: { kind: "connect" } }) }),
      ),
    ),
    filter: { upgrades: new Set(["marked", "connect"]) },
  };
  const relay = (to: string): Partial<Listener> => ({
    filter: {
      kind: "tcp",
      statPrefix: to,
      clusters: [{ cluster: to, weight: 1 }],
      idleTimeoutMs: 0,
      maxConnectAttempts: 1,
    },
  });
  const beds = await Promise.all([
    ProxyBed.start(options),
    ProxyBed.start({ ...options, listener: { tls: LISTENER_TLS } }),
    ProxyBed.start({ ...options, listener: relay("raw") }),
    ProxyBed.start({ ...options, listener: { ...relay("raw-secure"), tls: LISTENER_TLS } }),
  ]);
  t.after(() => Promise.all(beds.map((bed) => bed.close())));
  const [http, https, tcp, tcpSecure] = beds.map(({ port }) => port) as [number, number, number, number];

  const tally: Tally = { whole: 0, cut: 0, left: 0, refused: 0, bytes: 0, wrong: [] };
  const open = async (port: number, isSecure: boolean): Promise<MarkedCaller> =>
    new MarkedCaller(await connect(port, isSecure), tally);

  const tunnel = async (isSecure: boolean): Promise<void> => {
    const kind = calls.below(3);
    if (kind === 0) {
      const call = calls.drawTunnel("plain");
      const opening = `GET ${targetOf(call)} HTTP/1.1\r\nHost: plain\r\nConnection: Upgrade\r\nUpgrade: marked\r\n\r\n`;
      await (await open(isSecure ? https : http, isSecure)).tunnel(call, opening, true);
    } else if (kind === 1) {
      const call = calls.drawTunnel(calls.chance(0.5) ? "raw" : "raw-secure");
      const opening = `CONNECT ${call.host}:443 HTTP/1.1\r\nHost: ${call.host}:443\r\n\r\n${targetOf(call)}\n`;
      await (await open(isSecure ? https : http, isSecure)).tunnel(call, opening, true);
    } else {
      const call = calls.drawTunnel("tcp");
      await (await open(isSecure ? tcpSecure : tcp, isSecure)).tunnel(call, `${targetOf(call)}\n`, false);
    }
  };

  const HOSTS = ["plain", "plain", "secure", "mirrored", "retried"];
  const caller = async (_: unknown, number: number): Promise<void> => {
    const isSecure = number % 4 === 0;
    let connection: MarkedCaller | undefined;
    while (calls.count < REQUESTS && tally.wrong.length === 0) {
      if (calls.chance(0.1)) {
        await tunnel(isSecure);
        continue;
      }
      if (!connection?.open) connection = await open(isSecure ? https : http, isSecure);
      const host = HOSTS[calls.below(HOSTS.length)] as string;
      if (calls.chance(0.1) && host !== "retried") {
        await connection.pipeline(Array.from({ length: 2 + calls.below(20) }, () => calls.drawSmall(host)));
      } else await connection.call(calls.draw(host));
    }
    connection?.close();
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  await eventually(() => backend.active + mirror.active === 0, `seed ${SEED}: the backends are done`);

  assert.deepEqual([...tally.wrong, ...backend.wrong, ...mirror.wrong].slice(0, 5), [], `seed ${SEED}`);
  const { wrong: _, ...counts } = tally;
  t.diagnostic(
    `${calls.count} calls: ${JSON.stringify(counts)}; uploads ${backend.whole} whole, ${backend.cut} cut, ${backend.resets} resets; ${mirror.whole} copies whole, ${mirror.cut} cut`,
  );
  assert.ok(tally.whole > calls.count * 0.7, `${tally.whole} of ${calls.count} responses were whole`);
  assert.ok(backend.resets > 0 && mirror.whole > 0 && tally.cut > 0 && tally.left > 0);
  assert.equal(mirror.cut, 0);
});
