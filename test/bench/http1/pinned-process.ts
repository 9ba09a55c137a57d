import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { availableParallelism } from "node:os";

/** What is measured has this core for itself, as far as the machine allows. */
export const PROXY_CORE = 1;
/** Callers and backends. */
export const LOAD_CORE = 0;

const START_LIMIT_MS = 15_000;
const PAGE_BYTES = 4_096;
/** `USER_HZ`: the unit of the times in /proc, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** The path of a program, or undefined where it is not installed. */
export function installed(name: string): string | undefined {
  const { PATH = "" } = process.env;
  const path = `${PATH}:/usr/sbin:/usr/local/sbin`;
  try {
    return execFileSync("which", [name], { encoding: "utf8", env: { PATH: path } }).trim();
  } catch {
    return undefined;
  }
}

const taskset = availableParallelism() > 1 ? installed("taskset") : undefined;
/** False: proxy and load share cores, and their caches. */
export const isPinned = taskset !== undefined;

export function pinned(core: number, command: string, args: readonly string[]): [string, string[]] {
  return taskset ? [taskset, ["-c", String(core), command, ...args]] : [command, [...args]];
}

/** Moves this process, which is a caller or a backend as well, to the load's core. */
export function pinSelf(): void {
  if (taskset) execFileSync(taskset, ["-apc", String(LOAD_CORE), String(process.pid)], { stdio: "ignore" });
}

const running = new Set<ChildProcess>();
// Whatever ends the benchmark, nothing of it goes on.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A server process on a core of its own, and what it costs. */
export class PinnedProcess {
  readonly #child: ChildProcess;
  #said = "";

  constructor(
    core: number,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ) {
    const [program, programArgs] = pinned(core, command, args);
    // Variables of the caller's shell must not steer what is measured.
    const { PATH = "", HOME = "" } = process.env;
    this.#child = spawn(program, programArgs, {
      env: { PATH, HOME, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this.#child);
    this.#child.on("exit", () => running.delete(this.#child));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#said = (this.#said + text).slice(-4_096);
      });
    }
  }

  /** Resolves when something accepts connections on `port`. */
  async listening(port: number): Promise<void> {
    const end = performance.now() + START_LIMIT_MS;
    while (!(await accepts(port))) {
      if (this.#child.exitCode !== null || performance.now() > end) {
        throw new Error(`${this.#child.spawnargs.join(" ")} does not listen on ${port}:\n${this.#said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** User and system time of all its threads so far, in seconds; steps of 10 ms. */
  get cpuSeconds(): number {
    // The command's name stands in parentheses and may hold anything; after it the fields are plain. utime and stime are 14 and 15.
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Resident memory in bytes. */
  get residentBytes(): number {
    const [, resident] = readFileSync(`/proc/${this.#child.pid}/statm`, "latin1").split(" ");
    return Number(resident) * PAGE_BYTES;
  }

  stop(): Promise<void> {
    return this.#signal("SIGKILL");
  }

  /** Lets it end in its own way. */
  end(): Promise<void> {
    return this.#signal("SIGTERM");
  }

  async #signal(name: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(name);
    await once(this.#child, "exit");
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}
