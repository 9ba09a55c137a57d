import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const ENTRY = join(import.meta.dirname, "../../sidecar/dashpot.js");

/** The real command as a process of its own, with everything it says. */
export class RunningCommand {
  readonly #child: ChildProcess;
  readonly #waiting = new Set<() => void>();
  stdout = "";
  stderr = "";
  #ended = false;

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    [program, ...before]: readonly [string, ...string[]] = [process.execPath, ENTRY],
  ) {
    // Only what a shell would pass on: variables of the machine that runs the tests must not steer the command.
    const { PATH = "", HOME = "" } = process.env;
    this.#child = spawn(program, [...before, ...args], {
      env: { PATH, HOME, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#wake();
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.#child.on("error", (error) => {
      this.stderr += error.message;
    });
    this.#child.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** Waits until stderr holds text that matches, and returns the match. Fails when the command ends before. */
  async said(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = this.stderr.match(pattern);
      if (match) return match;
      if (this.#ended)
        throw new Error(`the command ended without saying ${pattern}:\n${this.stderr}${this.stdout}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async exitCode(): Promise<number | null> {
    if (!this.#ended) await once(this.#child, "close");
    return this.#child.exitCode;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async kill(): Promise<void> {
    if (this.#ended) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "close");
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
