import type { HealthCheck } from "../../xds/model/cluster.ts";
import { matchesHeader } from "../routing/index.ts";
import { MAX_ANSWER_BYTES, type Question } from "./health-question.ts";
import type { ProbeResult } from "./health-state.ts";

type HttpCheck = Extract<HealthCheck["check"], { kind: "http" }>;

export function httpQuestion(check: HttpCheck, cluster: string): Question {
  return async (socket, endpoint) => {
    // Loaded when first needed: it takes 14 MB, which most sidecars can do without.
    const { Agent } = await import("undici");
    const agent = new Agent({
      connect: (_options, callback) => {
        // Undici waits for ever when it is called back within its call.
        queueMicrotask(() => {
          if (socket.destroyed) callback(new Error("the connection has closed"), null);
          else callback(null, socket);
        });
      },
      pipelining: 0,
      maxResponseSize: MAX_ANSWER_BYTES,
    });
    try {
      const headers: Record<string, string> = { host: check.host || endpoint.hostname || cluster };
      for (const [name, value] of check.headers) headers[name] = value;
      const answer = await agent.request({
        origin: "http://endpoint",
        path: check.path,
        method: check.method as "GET",
        headers,
      });
      await answer.body.dump({ limit: MAX_ANSWER_BYTES }).catch(() => {});
      return judge(check, answer.statusCode, Object.entries(answer.headers));
    } finally {
      void agent.destroy();
    }
  };
}

function judge(
  { expectedStatuses, retriableStatuses, responseHeaders }: HttpCheck,
  status: number,
  headers: readonly (readonly [string, string | string[] | undefined])[],
): ProbeResult {
  const within = (ranges: HttpCheck["expectedStatuses"]): boolean =>
    ranges.some(([from, to]) => status >= from && status < to);
  const expected = expectedStatuses.length === 0 ? status === 200 : within(expectedStatuses);
  if (expected) {
    const fields = headers.flatMap(([name, value]) => [name, String(value ?? "")]);
    const head = {
      status,
      reason: "",
      version: 1,
      fields,
      framing: "none",
      contentLength: -1,
      keepAlive: true,
      upgrade: "",
    } as const;
    return responseHeaders.every((match) => matchesHeader(match, head)) ? "passed" : "fatal";
  }
  return within(retriableStatuses) ? "failed" : "fatal";
}
