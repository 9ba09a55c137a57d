import type { ServerResponse } from "node:http";
import type { Clock } from "../../xds/common/clock.ts";
import { type DecisionFilter, type DecisionRing, fits } from "../telemetry/decision-ring.ts";
import { decisionRow, eventLine } from "./inspector/decision-rows.ts";
import { RateLimit } from "./rate-limit.ts";
import type { AdminStream } from "./reply.ts";

/** Bytes that wait for a slow follower; what comes while there are more is left out and counted. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A page that shows more decisions per second cannot be read, and costs the browser much. */
const ROWS_PER_SECOND = 10;
const HEARTBEAT_MS = 15_000;

export interface FollowOptions {
  readonly ring: DecisionRing;
  readonly clock: Clock;
  readonly filter: DecisionFilter;
  /** Rows for the inspector instead of records. */
  readonly asRows: boolean;
}

/** Decisions as they are made, as server-sent events: records as JSON, or rows of the inspector. */
export function decisionStream({ ring, clock, filter, asRows }: FollowOptions): AdminStream {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
    response.write(": decisions from now on\n\n");
    const pace = new RateLimit(clock, ROWS_PER_SECOND, ROWS_PER_SECOND * 2);
    let skipped = 0;
    const stopFollowing = ring.follow((decision) => {
      if (!fits(decision, filter)) return;
      if (response.writableLength > MAX_WAITING_BYTES || (asRows && !pace.take())) {
        skipped++;
        return;
      }
      if (skipped > 0) response.write(`event: skipped\ndata: ${skipped}\n\n`);
      skipped = 0;
      const data = asRows ? eventLine(decisionRow(decision)) : JSON.stringify(decision);
      response.write(`id: ${decision.id}\ndata: ${data}\n\n`);
    });
    const stopBeating = heartbeat(response, clock);
    return () => {
      stopFollowing();
      stopBeating();
    };
  };
}

/** Tells a follower that hears nothing from one that is gone. */
function heartbeat(response: ServerResponse, clock: Clock): () => void {
  let cancel = clock.after(HEARTBEAT_MS, beat);
  function beat(): void {
    response.write(": still here\n\n");
    cancel = clock.after(HEARTBEAT_MS, beat);
  }
  return () => cancel();
}
