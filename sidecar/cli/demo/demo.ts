import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../../xds/common/clock.ts";
import { createLogger } from "../../../xds/common/logger.ts";
import { seededRandom } from "../../../xds/common/random.ts";
import { endpointAddress } from "../../../xds/model/endpoint.ts";
import type { SocketAddress } from "../../../xds/model/listener.ts";
import { type ControlServer, startControlServer } from "../../../xds/server/control-server.ts";
import type { EndpointView } from "../../balancing/balancer.ts";
import type { Bootstrap } from "../bootstrap.ts";
import { type Terminal, UsageError } from "../command.ts";
import { loadBootstrap } from "../load-bootstrap.ts";
import { type RunningSidecar, startSidecar } from "../run-sidecar.ts";
import { Backend } from "./backend.ts";
import { Load, quantile } from "./load.ts";
import { PHASES, type Phase } from "./phases.ts";
import { Screen } from "./screen.ts";
import { SickShare } from "./sick-share.ts";
import type { DemoResult, PhaseResult } from "./summary.ts";

const SERVICE = "orders";
const SICK = "orders-b";
const REQUESTS_PER_SECOND = 400;
/** How often the picks are sampled, and how often the screen is drawn. */
const SAMPLE_MS = 100;
const SAMPLES_PER_SCENE = 5;
/** Ordinary decisions, kept because they were sampled, are passed over. */
const LOOKED_THROUGH = 200;
const SEED = 1;

export interface DemoOptions {
  /** Where the inspector listens; port 0: any. */
  readonly admin: SocketAddress;
  /** Where the sidecar listens; port 0: any that is free. */
  readonly outbound: SocketAddress;
}

/** The whole mesh on loopback: control server, sidecar, three backends, load. */
export class Demo {
  /** Where the sidecar takes calls. */
  readonly outbound: string;
  readonly #terminal: Terminal;
  readonly #backends: readonly Backend[];
  readonly #folder: string;
  readonly #control: ControlServer;
  readonly #sidecar: RunningSidecar;
  readonly #load: Load;

  private constructor(
    terminal: Terminal,
    backends: readonly Backend[],
    folder: string,
    control: ControlServer,
    sidecar: RunningSidecar,
    outbound: string,
  ) {
    this.#terminal = terminal;
    this.#backends = backends;
    this.#folder = folder;
    this.#control = control;
    this.#sidecar = sidecar;
    this.outbound = outbound;
    this.#load = new Load(outbound, SERVICE, REQUESTS_PER_SECOND, systemClock, seededRandom(SEED + 100));
  }

  static async start(terminal: Terminal, options: DemoOptions): Promise<Demo> {
    const newer = { cores: 4, speed: 1.33 };
    const older = { cores: 4, speed: 0.67 };
    const backends = [
      new Backend("orders-a", newer, systemClock, seededRandom(SEED)),
      new Backend(SICK, newer, systemClock, seededRandom(SEED + 1)),
      new Backend("orders-c", older, systemClock, seededRandom(SEED + 2)),
    ];
    await Promise.all(backends.map((backend) => backend.start()));
    const folder = await mkdtemp(join(tmpdir(), "dashpot-demo-"));
    const mesh = join(folder, "mesh.yaml");
    const outbound = { ...options.outbound, port: options.outbound.port || (await freePort()) };
    await writeFile(mesh, meshFile(backends, outbound));
    const logger = createLogger("error");
    const control = await startControlServer({
      file: mesh,
      address: "127.0.0.1:0",
      adminAddress: "127.0.0.1:0",
      logger,
      clock: systemClock,
    });
    const sidecar = await startSidecar({
      bootstrap: { ...bootstrapFrom(control.address, terminal), admin: options.admin },
      logger,
      env: terminal.env,
    });
    await sidecar.ready;
    return new Demo(
      terminal,
      backends,
      folder,
      control,
      sidecar,
      endpointAddress(outbound.host, outbound.port),
    );
  }

  get inspector(): string {
    return `http://${this.#sidecar.adminAddress}/`;
  }

  /** Where spans go; empty: nowhere. */
  get exportsTo(): string {
    return this.#sidecar.telemetry.exportsTo;
  }

  /** Plays every phase once and tells what was seen. */
  async play(): Promise<DemoResult> {
    const screen = new Screen(this.#terminal);
    const sick = new SickShare();
    const results: PhaseResult[] = [];
    const starts = new Map<string, number>();
    for (const phase of PHASES) {
      if (this.#terminal.ended.aborted) break;
      starts.set(phase.name, systemClock.now());
      await this.#sick().become(phase.behaviour);
      results.push(await this.#playPhase(phase, screen, sick));
    }
    const end = systemClock.now();
    const at = (name: string): number => starts.get(name) ?? end;
    const fairShare = results[0]?.sickShare ?? Number.NaN;
    const under1Percent = (share: number): boolean => share < 0.01;
    return {
      phases: results,
      secondsToLeaveErrors: sick.secondsUntil(at("errors"), at("dead"), under1Percent),
      secondsToLeaveDead: sick.secondsUntil(at("dead"), at("returned"), under1Percent),
      secondsToReturn: sick.secondsUntil(at("returned"), end, (share) => share >= 0.8 * fairShare),
    };
  }

  async stop(): Promise<void> {
    await this.#load.stop();
    await this.#sidecar.close();
    await this.#control.close();
    await Promise.all(this.#backends.map((backend) => backend.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #playPhase(phase: Phase, screen: Screen, sick: SickShare): Promise<PhaseResult> {
    const startedAt = systemClock.now();
    const endsAt = startedAt + phase.seconds * 1000;
    const latencies: number[] = [];
    let sent = 0;
    let failed = 0;
    let recent = this.#load.take();
    for (let sample = 0; systemClock.now() < endsAt && !this.#terminal.ended.aborted; sample++) {
      await sleep(SAMPLE_MS);
      const endpoints = this.#endpoints();
      const all = endpoints.reduce((sum, endpoint) => sum + endpoint.picks, 0);
      sick.add(systemClock.now(), endpoints.find(({ name }) => name === SICK)?.picks ?? 0, all);
      if (sample % SAMPLES_PER_SCENE !== 0) continue;
      recent = this.#load.take();
      sent += recent.sent;
      failed += recent.failed;
      for (const latency of recent.latenciesMs) latencies.push(latency);
      screen.show({
        phase: phase.name,
        tells: phase.tells,
        secondsLeft: (endsAt - systemClock.now()) / 1000,
        endpoints,
        requestsPerSecond: (recent.sent * 1000) / (SAMPLE_MS * SAMPLES_PER_SCENE),
        failed,
        p50Ms: quantile(recent.latenciesMs, 0.5),
        p99Ms: quantile(latencies, 0.99),
        decision: this.#lastNotable(),
      });
    }
    return {
      name: phase.name,
      sent,
      failed,
      sickShare: sick.share(startedAt, systemClock.now()),
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
    };
  }

  #lastNotable(): string {
    const { recorder } = this.#sidecar.telemetry;
    const notable = recorder.decisions
      .recent({}, LOOKED_THROUGH)
      .find(({ keptBecause }) => keptBecause !== "sampled");
    return notable?.sentence ?? "none yet";
  }

  #sick(): Backend {
    return this.#backends.find((backend) => backend.name === SICK) as Backend;
  }

  #endpoints(): (EndpointView & { readonly name: string })[] {
    const cluster = this.#sidecar.proxy.cluster(SERVICE);
    return (cluster?.balancer.view().endpoints ?? []).map((endpoint) => ({
      ...endpoint,
      name: this.#backends.find((backend) => endpoint.address === `127.0.0.1:${backend.port}`)?.name ?? "",
    }));
  }
}

function bootstrapFrom(xds: string, { env }: Terminal): Bootstrap {
  const { bootstrap, errors } = loadBootstrap({ xds, nodeId: "demo", nodeCluster: "demo", environment: env });
  if (!bootstrap) throw new UsageError(errors.join("; "));
  return bootstrap;
}

/** A port that the kernel just had free: what comes over xDS must name one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function meshFile(backends: readonly Backend[], outbound: SocketAddress): string {
  return [
    "services:",
    `  - name: ${SERVICE}`,
    `    domains: [${SERVICE}]`,
    "    timeout: 5s",
    "    retries: { on: [5xx, reset, connect-failure], max: 2 }",
    "    endpoints:",
    ...backends.map((backend) => `      - address: 127.0.0.1:${backend.port} # ${backend.name}`),
    "listeners:",
    "  - name: outbound",
    `    address: ${endpointAddress(outbound.host, outbound.port)}`,
    "",
  ].join("\n");
}
