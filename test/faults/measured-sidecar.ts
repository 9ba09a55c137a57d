import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { SidecarProxy } from "../../sidecar/proxy/index.ts";
import { type StaticMesh, staticBootstrap } from "./static-bootstrap.ts";

const ENTRY = join(import.meta.dirname, "measured-sidecar-main.ts");

export interface Started {
  readonly admin: number;
  readonly listener: number;
}

/** What the sidecar's process holds, after a garbage collection. Memory in bytes. */
export interface Measured {
  readonly counts: ReturnType<SidecarProxy["counts"]>;
  readonly clusters: ReturnType<SidecarProxy["clusters"]>;
  /** libuv's handles and requests, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
  readonly rss: number;
}

/** A whole sidecar in a process of its own, with one listener for host `orders`. */
export class MeasuredSidecar implements Started {
  readonly listener: number;
  readonly admin: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, { listener, admin }: Started) {
    this.#child = child;
    this.listener = listener;
    this.admin = admin;
  }

  /** @param openFiles the bound on its file descriptors, as a shell's `ulimit` sets it. */
  static async start(t: TestContext, mesh: StaticMesh, openFiles = 4_096): Promise<MeasuredSidecar> {
    const folder = await mkdtemp(join(tmpdir(), "dashpot-faults-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "bootstrap.yaml");
    await writeFile(file, staticBootstrap(mesh));
    const command = [process.execPath, "--expose-gc", ENTRY, file];
    const limited = `ulimit -n ${openFiles} && exec "$0" "$@"`;
    const child = spawn("sh", ["-c", limited, ...command], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    t.after(() => child.kill("SIGKILL"));
    child.on("exit", (code) => {
      if (code) throw new Error(`the sidecar's process ended with ${code}`);
    });
    const [started] = (await once(child, "message")) as [Started];
    return new MeasuredSidecar(child, started);
  }

  measure(): Promise<Measured> {
    this.#child.send("measure");
    return this.#told();
  }

  /** Its event loop stands still for so long, from when this resolves; `after` is what it holds when it has gone on. */
  async stall(ms: number): Promise<{ readonly after: Promise<Measured> }> {
    this.#child.send({ stallMs: ms });
    await once(this.#child, "message");
    return { after: this.#told() };
  }

  async #told(): Promise<Measured> {
    const [measured] = (await once(this.#child, "message")) as [Measured];
    return measured;
  }

  /** Measures until `holds`; what crosses sockets takes its time, and the process announces none of it. */
  async until(holds: (measured: Measured) => boolean, what: string, limitMs = 60_000): Promise<Measured> {
    const end = performance.now() + limitMs;
    for (;;) {
      const measured = await this.measure();
      if (holds(measured)) return measured;
      if (performance.now() > end) {
        const { counts, resources, clusters } = measured;
        const requests = clusters.map((cluster) => ({ ...cluster.requests, ...cluster.connections }));
        throw new Error(`never happened: ${what}: ${JSON.stringify({ counts, resources, requests })}`);
      }
      // A collection each time: not more often than the process can bear beside its work.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
