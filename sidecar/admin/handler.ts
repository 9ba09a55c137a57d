import type { Clock } from "../../xds/common/clock.ts";
import type { AdminAnswer, AdminRequest } from "./reply.ts";
import type { ShareHistory } from "./share-history.ts";
import type { AdminSources } from "./sources.ts";

/** What answers are made of. */
export interface HandlerContext {
  readonly sources: AdminSources;
  readonly history: ShareHistory;
  readonly clock: Clock;
}

/** What answers one path. */
export interface Handler {
  readonly method: "GET" | "POST" | "both";
  /** What it is for, in the list that an unknown path is answered with. */
  readonly does: string;
  /** Writes out everything there is: so much more work for the event loop that it counts for several. */
  readonly heavy?: boolean;
  readonly answer: (request: AdminRequest, context: HandlerContext) => AdminAnswer;
}
