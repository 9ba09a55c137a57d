import type { Socket } from "node:net";

/** What happens to the connections of a port. */
export interface ConnectionService {
  onConnection(socket: Socket): void;
  /** New and running requests are still served; connections that idle, or whose response is out, close. */
  drain(): void;
  /** Closes connections that have carried no request for that long, at most so many. Gives how many it has closed. */
  closeRested(restedMs: number, most: number): number;
  /** Ends everything at once. */
  close(): void;
  readonly bufferedBytes: number;
}
