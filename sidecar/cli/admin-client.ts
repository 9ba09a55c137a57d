import { request } from "undici";
import type { Flag, Invocation } from "./command.ts";

/** Where a command finds the sidecar it asks. */
export const ADMIN_FLAG: Flag = {
  name: "admin",
  value: "HOST:PORT",
  env: "DASHPOT_ADMIN",
  fallback: "127.0.0.1:15000",
  text: "the sidecar's admin address",
};

export function adminAddress(invocation: Invocation): string {
  return invocation.flags.get(ADMIN_FLAG.name) ?? "127.0.0.1:15000";
}

/** The admin could not be asked, or said no. */
export class AdminError extends Error {}

/** One GET to the admin, as text. Fails with a sentence that says what to check. */
export async function askAdmin(address: string, path: string, timeoutMs = 5_000): Promise<string> {
  return told(address, async () => {
    const answer = await request(`http://${address}${path}`, {
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 400)
      throw new AdminError(text.trim() || `the admin answered ${answer.statusCode}`);
    return text;
  });
}

/** The lines of an answer that goes on until either side ends it. */
export async function* followAdmin(
  address: string,
  path: string,
  ended: AbortSignal,
): AsyncGenerator<string> {
  const answer = await told(address, () =>
    request(`http://${address}${path}`, { headersTimeout: 5_000, bodyTimeout: 0, signal: ended }),
  );
  let rest = "";
  try {
    for await (const chunk of answer.body.setEncoding("utf8")) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    if (!ended.aborted)
      throw new AdminError(`the sidecar at ${address} ended the answer (${reasonOf(error)})`);
  }
}

async function told<T>(address: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof AdminError) throw error;
    throw new AdminError(
      `no sidecar answers at ${address} (${reasonOf(error)}); --admin names another address`,
    );
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
