import type { Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import type { Random } from "../../xds/common/random.ts";
import type { BalancerEvent } from "../balancing/balancer.ts";
import type { AccessLog } from "./access-log.ts";
import { BalancerEvents } from "./balancer-events.ts";
import { decisionOf, type KeptBecause } from "./decision.ts";
import { DecisionRing } from "./decision-ring.ts";
import type { ExchangeFacts, Recorder, TraceContext } from "./facts.ts";
import { Metrics } from "./metrics.ts";
import { RecentTraffic } from "./recent-traffic.ts";
import { type ShownRequest, shownRequest } from "./redaction.ts";
import type { Sampler } from "./sampler.ts";
import { pickSentence } from "./sentence.ts";
import { boundTraceState, parseTraceparent } from "./trace-context.ts";
import { TraceIds } from "./trace-ids.ts";
import { failed, notableOf } from "./verdict.ts";

/** What the spans of an exchange say beside its facts. */
export interface SpanContent {
  /** Wall time minus monotonic time, in ms: what makes a time of the facts one of the calendar. */
  readonly epochMs: number;
  /** Why the exchange is exported although it was not sampled; empty: it was. */
  readonly sampledBy: string;
  readonly request: ShownRequest;
  /** What is said of each attempt's pick. */
  readonly sentences: readonly string[];
}

/** Where spans go. */
export interface SpanSink {
  /**
   * Takes the spans of one exchange together or not at all, since half a tree misleads. They are built only if there is room: when
   * everything fails at once, spans that would be dropped must not cost anything.
   */
  offer(facts: ExchangeFacts, content: SpanContent): void;
}

export interface RecorderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  readonly sampler: Sampler;
  /** Undefined: spans are not exported. */
  readonly spans: SpanSink | undefined;
  /** Undefined: off. */
  readonly accessLog: AccessLog | undefined;
  /** Decisions kept for the inspector. Default 1 000. */
  readonly ringSize?: number;
  /** A request that takes longer is kept, ms. Default 1 000. */
  readonly slowMs?: number;
  /** Of a text that comes from a caller, in spans, decisions and the access log; in characters. Default 1 024. */
  readonly longestText?: number;
}

const EVENT_WORDS: Readonly<Record<BalancerEvent["kind"], string>> = {
  suspected: "an endpoint is suspected",
  ejected: "an endpoint is ejected",
  probation: "an ejected endpoint is given a trial request",
  returned: "an endpoint is back",
  panic_entered: "too few endpoints are healthy: all are used",
  panic_left: "enough endpoints are healthy again",
  weights_updated: "weights moved",
};

/** Ejections that wait for the request that caused them. It ends in the same turn, so few are enough. */
const MAX_PENDING_EJECTIONS = 64;

/**
 * The end of every exchange: counts it and, when somebody will read it, writes down its decisions and spans. An exchange that went well and
 * is not sampled costs some increments; sentences, records and spans are made for the others only.
 */
export class ExchangeRecorder implements Recorder {
  readonly decisions: DecisionRing;
  readonly events = new BalancerEvents();
  readonly metrics = new Metrics();
  readonly traffic = new RecentTraffic();
  readonly #options: RecorderOptions;
  readonly #ids: TraceIds;
  readonly #slowMs: number;
  /** When each endpoint was ejected, by cluster and address. */
  readonly #ejected = new Map<string, number>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#ids = new TraceIds(options.random);
    this.#slowMs = options.slowMs ?? 1_000;
    this.decisions = new DecisionRing(options.ringSize);
  }

  begin(
    traceparent: string | undefined,
    tracestate: string | undefined,
    sampling: number | undefined,
  ): TraceContext {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    const traceId = parent?.traceId ?? this.#ids.traceId();
    return {
      traceId,
      parentSpanId: parent?.spanId ?? "",
      spanId: this.#ids.spanId(),
      sampled: this.#options.sampler.sample(traceId, parent?.sampled, sampling),
      traceState: parent === undefined || tracestate === undefined ? "" : boundTraceState(tracestate),
    };
  }

  spanId(): string {
    return this.#ids.spanId();
  }

  end(facts: ExchangeFacts): void {
    this.metrics.countExchange(facts);
    this.traffic.record(facts.endedAt, facts.endedAt - facts.startedAt, failed(facts));
    const { accessLog } = this.#options;
    if (accessLog !== undefined) accessLog.write(facts, this.#shown(facts), this.#epochMs());
    const notable = this.#ejects(facts) ? "ejection" : notableOf(facts, this.#slowMs);
    if (notable !== "") this.#keep(facts, notable);
    else if (facts.trace.sampled) this.#keep(facts, "sampled");
  }

  /** To be called for every event of every balancer. */
  onBalancerEvent(cluster: string, event: BalancerEvent): void {
    const { clock, logger } = this.#options;
    const { kind, address, reason, durationMs } = event;
    this.metrics.countEvent(cluster, kind);
    this.events.add({ ...event, cluster, time: clock.wall() });
    const level = kind === "weights_updated" ? "debug" : kind === "panic_entered" ? "warn" : "info";
    logger[level]({ cluster, endpoint: address, reason, durationMs }, EVENT_WORDS[kind]);
    if (event.kind === "ejected" && this.#ejected.size < MAX_PENDING_EJECTIONS) {
      this.#ejected.set(`${cluster} ${event.address}`, clock.now());
    }
  }

  /** Was it one of this exchange's attempts that got its endpoint ejected? */
  #ejects(facts: ExchangeFacts): boolean {
    if (this.#ejected.size === 0) return false;
    let found = false;
    for (const { address, startedAt } of facts.attempts) {
      const key = `${facts.cluster} ${address}`;
      const at = this.#ejected.get(key);
      if (at === undefined) continue;
      this.#ejected.delete(key);
      // An ejection from before the attempt was another's doing, or that of a comparison over time.
      found ||= startedAt <= at;
    }
    return found;
  }

  #keep(facts: ExchangeFacts, keptBecause: KeptBecause): void {
    const { spans } = this.#options;
    const epochMs = this.#epochMs();
    const request = this.#shown(facts);
    const sentences = facts.attempts.map((attempt) => pickSentence(attempt, facts.cluster));
    facts.attempts.forEach((attempt, i) => {
      const id = this.decisions.nextId();
      const sentence = sentences[i] ?? "";
      this.decisions.add(decisionOf({ id, facts, request, attempt, keptBecause, epochMs, sentence }));
    });
    const sampledBy = facts.trace.sampled ? "" : keptBecause;
    spans?.offer(facts, { epochMs, sampledBy, request, sentences });
  }

  #shown(facts: ExchangeFacts): ShownRequest {
    return shownRequest(facts, this.#options.longestText);
  }

  #epochMs(): number {
    const { clock } = this.#options;
    return clock.wall() - clock.now();
  }
}
