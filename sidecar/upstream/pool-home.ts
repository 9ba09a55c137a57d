import type { Socket } from "node:net";
import type { Clock } from "../../xds/common/clock.ts";
import type { Random } from "../../xds/common/random.ts";
import type { TimerWheel } from "../../xds/common/timer-wheel.ts";
import type { Cluster } from "../../xds/model/cluster.ts";
import type { ConnectionCounts, ConnectionTally } from "./connection-tally.ts";
import type { ResponseLimits } from "./response-limits.ts";
import type { UpstreamTlsContext } from "./upstream-tls-context.ts";

/** The address behind a pool. */
export interface PoolTarget {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  readonly hostname: string;
  /** Undefined: plain TCP. */
  readonly tls: UpstreamTlsContext | undefined;
  /** Of this endpoint. */
  readonly tally: ConnectionTally;
  readonly additionalAddresses: readonly { readonly host: string; readonly port: number }[];
}

/** What all pools of one cluster share. */
export interface PoolHome {
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly model: Cluster;
  /** Of the cluster: what its bound on connections is held against. */
  readonly counts: ConnectionCounts;
  readonly responseLimits: ResponseLimits;
  /** Of the process, counting the connection that is about to be opened. */
  readonly hasDescriptors: boolean;
  /** Opens a socket to one of the target's addresses. */
  open(host: string, port: number, target: PoolTarget): Socket;
}
