import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { endpointAddress } from "../../xds/model/endpoint.ts";
import { CommandError, type Flag, type Invocation } from "./command.ts";
import { DEFAULT_ADMIN } from "./default-addresses.ts";

const USUAL_ADDRESS = endpointAddress(DEFAULT_ADMIN.host, DEFAULT_ADMIN.port);

/** Where a command finds the sidecar it asks, and what it shows there. */
export const ADMIN_FLAGS: readonly Flag[] = [
  {
    name: "admin",
    value: "HOST:PORT",
    env: "DASHPOT_ADMIN",
    fallback: USUAL_ADDRESS,
    text: "the sidecar's admin address",
  },
  {
    name: "admin-token-file",
    value: "FILE",
    env: "DASHPOT_ADMIN_TOKEN_FILE",
    text: "the token that its admin asks for",
  },
];

/**
 * The sidecar that a command asks, by `node:http`: a health check is a new process each time, and loading a better client
 * would be most of its work.
 */
export class AdminClient {
  readonly address: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @throws CommandError when the token cannot be read. */
  constructor({ flags }: Invocation) {
    this.address = flags.get("admin") ?? USUAL_ADDRESS;
    const file = flags.get("admin-token-file");
    this.#headers = file === undefined ? {} : { authorization: `Bearer ${tokenOf(file)}` };
  }

  /** One GET, as text. Fails with a sentence that says what to check. */
  async ask(path: string, timeoutMs = 5_000): Promise<string> {
    return this.#told(async () => {
      const answer = await this.#get(path, timeoutMs);
      const body = await text(answer);
      const { statusCode = 0 } = answer;
      if (statusCode >= 400) throw new CommandError(refusalOf(body, statusCode));
      return body;
    });
  }

  /** The lines of an answer that goes on until either side ends it. */
  async *follow(path: string, ended: AbortSignal): AsyncGenerator<string> {
    const answer = await this.#told(() => this.#get(path, 5_000, ended));
    answer.setTimeout(0);
    let rest = "";
    try {
      for await (const chunk of answer.setEncoding("utf8")) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
      }
    } catch (error) {
      if (ended.aborted) return;
      throw new CommandError(`the sidecar at ${this.address} ended the answer (${reasonOf(error)})`);
    }
  }

  /** Resolves when the head of the answer is there; both limits hold for its body as well. */
  async #get(path: string, silenceMs: number, signal?: AbortSignal): Promise<IncomingMessage> {
    const request = get(`http://${this.address}${path}`, {
      headers: this.#headers,
      agent: false,
      timeout: silenceMs,
      ...(signal && { signal }),
    });
    request.on("timeout", () => request.destroy(new Error(`silent for ${silenceMs / 1_000} s`)));
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    // From here on its reader is told of a broken answer.
    request.on("error", () => {});
    return answer;
  }

  async #told<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof CommandError) throw error;
      const hint = "--admin names another address";
      throw new CommandError(`no sidecar answers at ${this.address} (${reasonOf(error)}); ${hint}`);
    }
  }
}

function tokenOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CommandError(`the admin token cannot be read: ${reasonOf(error)}`);
  }
}

/** The admin says why in JSON, `/ready` in one word. */
function refusalOf(text: string, status: number): string {
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    if (typeof error === "string") return error;
  } catch {
    // Plain text, shown as it is.
  }
  return text.trim() || `the admin answered ${status}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
