import type { Socket } from "node:net";
import type { Endpoint } from "../../xds/model/endpoint.ts";
import type { ProbeResult } from "./health-state.ts";

/**
 * What one kind of health check says to an endpoint over a connection that is open, and how it takes the answer. Rejects when no
 * whole answer comes, and when the socket is destroyed, which is how a probe that takes too long ends.
 */
export type Question = (socket: Socket, endpoint: Endpoint) => Promise<ProbeResult>;

/** An answer is read no further than this. */
export const MAX_ANSWER_BYTES = 64 * 1024;
