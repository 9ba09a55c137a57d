import type { Socket } from "node:net";
import type { HealthCheck } from "../../xds/model/cluster.ts";
import { MAX_ANSWER_BYTES, type Question } from "./health-question.ts";

type TcpCheck = Extract<HealthCheck["check"], { kind: "tcp" }>;

/** Connecting is enough, unless there is something to say and something to hear: texts that must come in this order. */
export function tcpQuestion({ send, receive }: TcpCheck): Question {
  return async (socket) => {
    if (send.length > 0) socket.write(send);
    return receive.length === 0 || (await hears(socket, receive)) ? "passed" : "failed";
  };
}

async function hears(socket: Socket, wanted: readonly Uint8Array[]): Promise<boolean> {
  let heard = Buffer.alloc(0);
  for await (const chunk of socket) {
    heard = Buffer.concat([heard, chunk as Buffer]).subarray(-MAX_ANSWER_BYTES);
    let at = 0;
    for (const part of wanted) {
      at = heard.indexOf(part, at);
      if (at < 0) break;
      at += part.length;
    }
    if (at >= 0) return true;
  }
  return false;
}
