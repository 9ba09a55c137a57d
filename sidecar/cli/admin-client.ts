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
  try {
    const answer = await request(`http://${address}${path}`, {
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 400)
      throw new AdminError(text.trim() || `the admin answered ${answer.statusCode}`);
    return text;
  } catch (error) {
    if (error instanceof AdminError) throw error;
    const reason = error instanceof Error ? error.message || error.name : String(error);
    throw new AdminError(`no sidecar answers at ${address} (${reason}); --admin names another address`);
  }
}
