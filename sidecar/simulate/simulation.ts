import type { Random } from "../../xds/common/random.ts";
import { OUTCOME, type Outcome } from "../balancing/outcome.ts";
import { ActiveChecks } from "./active-checks.ts";
import { Arrivals } from "./arrivals.ts";
import { type Attempt, AttemptPool, type SimulatedRequest } from "./attempt.ts";
import { ControlPlane } from "./control-plane.ts";
import { EventQueue } from "./event-queue.ts";
import { EVENT } from "./events.ts";
import { FaultSchedule } from "./fault-schedule.ts";
import { addressOf, zonesOf } from "./mesh.ts";
import { Network } from "./network.ts";
import type { PolicyEntry } from "./policies.ts";
import { Probes } from "./probes.ts";
import { Recording, SAMPLE_MS } from "./recording.ts";
import { takeSample } from "./sampler.ts";
import type { Scenario } from "./scenario.ts";
import { Server } from "./server.ts";
import { SimulatedClient } from "./simulated-client.ts";
import { TrueDelays } from "./true-delays.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { STREAM, streamOf } from "./workload.ts";

const SHORTEST_TICK_MS = 10;

/** One run: sidecars, network and servers under a virtual clock. The same scenario, policy and seed give the same run. */
export class Simulation {
  readonly #scenario: Scenario;
  readonly #recording: Recording;
  readonly #queue = new EventQueue();
  readonly #clock: VirtualClock;
  readonly #attempts = new AttemptPool();
  readonly #servers: readonly Server[];
  readonly #clients: readonly SimulatedClient[];
  readonly #faults: FaultSchedule;
  readonly #controlPlane: ControlPlane;
  readonly #arrivals: Arrivals;
  readonly #reports: boolean;
  readonly #probes: Probes;
  readonly #checks: ActiveChecks | undefined;
  readonly #network: Network;
  readonly #trueDelays: TrueDelays;
  readonly #failures: Random;

  constructor(scenario: Scenario, entry: PolicyEntry, seed: number) {
    const stream = (number: number): Random => streamOf(seed, number);
    this.#scenario = scenario;
    this.#recording = new Recording(scenario, entry.name, seed);
    this.#clock = new VirtualClock(this.#queue, EVENT.timerFires);
    this.#servers = scenario.endpoints.map((shape) => new Server(shape));
    this.#faults = new FaultSchedule(scenario, this.#queue, EVENT.faultMoves, stream(STREAM.faults));
    this.#controlPlane = new ControlPlane(scenario, entry.weighsByCapacity === true);
    this.#arrivals = new Arrivals(scenario, seed, this.#queue);
    this.#reports = scenario.reports || entry.needsReports === true;
    this.#network = new Network(scenario, stream(STREAM.network));
    this.#trueDelays = new TrueDelays(scenario, this.#servers, this.#network);
    this.#probes = new Probes(this.#servers, this.#network, this.#queue);
    this.#failures = stream(STREAM.failures);
    const zones = zonesOf(scenario);
    const addresses = new Map(scenario.endpoints.map((_, index) => [addressOf(index), index]));
    this.#clients = Array.from({ length: scenario.clients }, (_, index) => {
      const zone = zones[index % zones.length]!;
      const sources = {
        clock: this.#clock,
        random: stream(STREAM.clients + index),
        clients: scenario.clients,
        zone,
        probe: (endpoint: number) => this.#probes.send(this.#clock.time, index, zone, endpoint),
        delayAt: (endpoint: number) => this.#trueDelays.at(zone, endpoint),
      };
      return new SimulatedClient(entry.create(sources, scenario), zone, scenario.retry, addresses);
    });
    this.#checks =
      scenario.healthCheck &&
      new ActiveChecks(
        scenario.healthCheck,
        this.#clients,
        this.#servers,
        this.#queue,
        stream(STREAM.checks),
      );
  }

  run(): Recording {
    this.#assign();
    for (const [index, client] of this.#clients.entries()) {
      this.#queue.add(Math.max(SHORTEST_TICK_MS, client.policy.tick()), EVENT.policyTicks, index);
    }
    this.#arrivals.start();
    this.#queue.add(0, EVENT.sampleTaken);
    this.#checks?.start();
    // Requests of the last moments still get their answers: the run ends when nothing that began inside it is open.
    const end = this.#scenario.durationMs + this.#longestRequest();
    while (this.#queue.next() && this.#queue.at <= end) {
      this.#clock.time = this.#queue.at;
      this.#happen(this.#queue.kind, this.#queue.a, this.#queue.b);
    }
    this.#recording.probes = this.#probes.sent;
    return this.#recording;
  }

  #happen(kind: number, a: number, b: number): void {
    switch (kind) {
      case EVENT.requestBegins:
        this.#requestBegins(a);
        break;
      case EVENT.reachesServer:
        this.#reachesServer(this.#attempts.at(a));
        break;
      case EVENT.serverFinishes:
        this.#serverFinishes(a, b);
        break;
      case EVENT.answerArrives:
        this.#answerArrives(this.#attempts.at(a), b as Outcome);
        break;
      case EVENT.tryTimesOut:
        this.#tryTimesOut(this.#attempts.at(a));
        break;
      case EVENT.faultMoves:
        this.#faultMoves(a);
        break;
      case EVENT.policyTicks: {
        const wait = Math.max(SHORTEST_TICK_MS, this.#clients[a]!.policy.tick());
        this.#queue.add(this.#clock.time + wait, EVENT.policyTicks, a);
        break;
      }
      case EVENT.timerFires:
        this.#clock.fire(a);
        break;
      case EVENT.sampleTaken:
        this.#sample(a);
        break;
      case EVENT.probeReachesServer:
        this.#probes.reachesServer(this.#clock.time, a, (client) => this.#clients[client]!.zone);
        break;
      case EVENT.probeReturns:
        this.#probes.returns(a, this.#clients);
        break;
      case EVENT.rateChanges:
        this.#arrivals.changeRate(this.#clock.time, a);
        break;
      case EVENT.checkBegins:
        this.#checks?.begins(this.#clock.time, a);
        break;
      case EVENT.checkEnds:
        this.#checks?.ends(this.#clock.time, a, b === 1);
        break;
    }
  }

  #requestBegins(rateVersion: number): void {
    const now = this.#clock.time;
    const request = this.#arrivals.take(now, rateVersion);
    if (request) this.#begin(request.client, { startedAt: now, costMs: request.costMs, tries: 0, tried: [] });
  }

  #begin(clientIndex: number, request: SimulatedRequest): void {
    const now = this.#clock.time;
    const client = this.#clients[clientIndex]!;
    const attempt = this.#attempts.claim();
    if (!client.begin(attempt, request)) {
      attempt.holds = 1;
      this.#attempts.release(attempt);
      this.#recording.onRequestEnd(request.startedAt, Number.NaN);
      return;
    }
    attempt.client = clientIndex;
    attempt.startedAt = now;
    attempt.ended = false;
    attempt.rif = -1;
    attempt.retryAfterMs = 0;
    attempt.holds = 2;
    this.#trueDelays.onSent(attempt.server);
    this.#recording.onTry(now, attempt.server);
    this.#queue.add(
      now + this.#network.delay(client.zone, attempt.server),
      EVENT.reachesServer,
      attempt.index,
    );
    this.#queue.add(now + this.#scenario.timeoutMs, EVENT.tryTimesOut, attempt.index);
  }

  #reachesServer(attempt: Attempt): void {
    const now = this.#clock.time;
    const server = this.#servers[attempt.server]!;
    this.#trueDelays.onArrived(attempt.server);
    attempt.arrivedAt = now;
    attempt.rifAtArrival = server.rif;
    if (server.swallows) this.#attempts.release(attempt);
    else if (server.refuses) this.#answer(attempt, OUTCOME.connectFailure, 0);
    else if (server.rif >= server.pushesBackFrom) {
      attempt.retryAfterMs = server.retryAfterMs;
      this.#report(attempt, server);
      this.#answer(attempt, OUTCOME.pushback, 0);
    } else if (server.failingPart > 0 && this.#failures() < server.failingPart) {
      server.countError(now);
      this.#report(attempt, server);
      this.#answer(attempt, OUTCOME.serverError, server.failAfterMs);
    } else {
      server.arrive(now, attempt.index, attempt.request.costMs);
      this.#scheduleFinish(attempt.server);
    }
  }

  #serverFinishes(index: number, version: number): void {
    const now = this.#clock.time;
    const server = this.#servers[index]!;
    if (version !== server.scheduleVersion) return;
    server.scheduledAt = Number.POSITIVE_INFINITY;
    for (let job = server.depart(now); job >= 0; job = server.depart(now)) {
      const attempt = this.#attempts.at(job);
      if (server.swallows) this.#attempts.release(attempt);
      else {
        if (this.#probes.sent > 0)
          this.#probes.onAnswer(index, attempt.rifAtArrival, now - attempt.arrivedAt);
        this.#report(attempt, server);
        this.#answer(attempt, OUTCOME.success, 0);
      }
    }
    this.#scheduleFinish(index);
  }

  /** An event that comes too early finds nothing done and is set anew, so only an earlier finish needs a new one. */
  #scheduleFinish(index: number): void {
    const server = this.#servers[index]!;
    const at = server.nextDeparture();
    if (at >= server.scheduledAt || at === Number.POSITIVE_INFINITY) return;
    server.scheduledAt = at;
    this.#queue.add(at, EVENT.serverFinishes, index, ++server.scheduleVersion);
  }

  #report(attempt: Attempt, server: Server): void {
    if (!this.#reports) return;
    attempt.rif = server.rif;
    attempt.utilization = server.utilization;
    attempt.answersPerSecond = server.answersPerSecond;
    attempt.errorsPerSecond = server.errorsPerSecond;
  }

  #answer(attempt: Attempt, outcome: Outcome, afterMs: number): void {
    const back = this.#network.delay(this.#clients[attempt.client]!.zone, attempt.server);
    this.#queue.add(this.#clock.time + afterMs + back, EVENT.answerArrives, attempt.index, outcome);
  }

  #answerArrives(attempt: Attempt, outcome: Outcome): void {
    if (!attempt.ended) this.#endTry(attempt, outcome);
    this.#attempts.release(attempt);
  }

  #tryTimesOut(attempt: Attempt): void {
    if (!attempt.ended) this.#endTry(attempt, OUTCOME.timeout);
    this.#attempts.release(attempt);
  }

  #endTry(attempt: Attempt, outcome: Outcome): void {
    const now = this.#clock.time;
    const client = this.#clients[attempt.client]!;
    const server = this.#servers[attempt.server]!;
    const { request } = attempt;
    attempt.ended = true;
    if (outcome === OUTCOME.timeout) attempt.rif = -1;
    client.end(attempt, outcome, server.shape.cores, request.costMs / (server.speed || server.shape.speed));
    if (outcome === OUTCOME.success) {
      this.#recording.onRequestEnd(request.startedAt, now - request.startedAt);
      return;
    }
    this.#recording.onFailedTry(attempt.startedAt, attempt.server);
    if (client.retries(request, attempt.slot, outcome, now)) this.#begin(attempt.client, request);
    else this.#recording.onRequestEnd(request.startedAt, Number.NaN);
  }

  #faultMoves(process: number): void {
    const now = this.#clock.time;
    const index = this.#faults.advance(process, now);
    const server = this.#servers[index]!;
    const refused = server.refuses;
    server.advance(now);
    const listing = this.#faults.apply(index, server);
    if (server.refuses && !refused) {
      for (let job = server.evict(now); job >= 0; job = server.evict(now)) {
        this.#answer(this.#attempts.at(job), OUTCOME.reset, 0);
      }
    }
    // The speed has changed: what was scheduled is wrong either way.
    server.scheduledAt = Number.POSITIVE_INFINITY;
    server.scheduleVersion++;
    this.#scheduleFinish(index);
    const before = this.#controlPlane.list(index, listing);
    if (listing === before) return;
    if (before === "absent") this.#checks?.forget(index);
    this.#assign();
  }

  #assign(): void {
    const assignment = this.#controlPlane.assignment();
    for (const client of this.#clients) client.policy.update(assignment);
  }

  #sample(number: number): void {
    if (number >= this.#recording.samples) return;
    takeSample(this.#recording, number, this.#servers, this.#clients);
    this.#queue.add((number + 1) * SAMPLE_MS, EVENT.sampleTaken, number + 1);
  }

  #longestRequest(): number {
    const { timeoutMs, retry } = this.#scenario;
    return retry ? retry.deadlineMs + timeoutMs : timeoutMs;
  }
}
