import type { Clock } from "../../xds/common/clock.ts";
import type { Random } from "../../xds/common/random.ts";
import type { Balancer, LoadReport, Slot } from "../balancing/balancer.ts";

/** A load report as a simulated server gives it: the ORCA fields, and one that C3 asks for. */
export interface SimulatedReport extends LoadReport {
  rif: number;
  cores: number;
  cpuUtilization: number;
  applicationUtilization: number;
  rps: number;
  eps: number;
  /** Time that the answered request would have taken alone, ms. */
  serviceMs: number;
}

/** What a simulated sidecar asks of its policy: the part of `Balancer` that routing uses. */
export interface SimulatedPolicy
  extends Pick<Balancer, "update" | "pick" | "onStart" | "onResponse" | "onEnd" | "tick" | "address"> {
  onLoadReport(slot: Slot, report: SimulatedReport): void;
  /** An active health check has changed its verdict on the endpoint of this address. */
  onHealthCheck?(address: string, healthy: boolean): void;
  /** An answer to a probe: requests in flight, and the usual latency at that load. */
  onProbe?(slot: Slot, rif: number, latencyMs: number): void;
  view?(): ReturnType<Balancer["view"]>;
}

/** What a policy may use beyond its own observations. Production policies take clock and chance alone. */
export interface PolicySources {
  readonly clock: Clock;
  readonly random: Random;
  /** How many sidecars there are. */
  readonly clients: number;
  /** The zone of this sidecar; empty when zones do not matter. */
  readonly zone: string;
  /** Sends a probe to the endpoint of this index; `onProbe` brings the answer, or nothing does. */
  readonly probe: (endpoint: number) => void;
  /** The truth about an endpoint, which only the oracle may see: ms that one more request would take there now. */
  readonly delayAt: (endpoint: number) => number;
}
