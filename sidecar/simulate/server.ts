/** Decay of what a server reports of its own rates, ms. */
const RATE_DECAY_MS = 2_000;
/** Work below this much is done: rounding of the virtual time, ms. */
const DONE_MS = 1e-7;

export interface ServerShape {
  readonly cores: number;
  /** Work done per ms and core, 1 for a usual server. */
  readonly speed: number;
  readonly zone: string;
  /** 0 is used first; from 1 on: while too few of those before are healthy. */
  readonly priority: number;
  /** The operator's EDS weight. */
  readonly weight: number;
}

/**
 * A server whose cores are shared by all requests in it (processor sharing): with k requests on c cores each is served at
 * speed * min(1, c / k). Virtual time V is the service that one request has had since the beginning, so a request that
 * arrives at V with cost x leaves at V + x whatever happens in between, and only a heap of those is kept.
 */
export class Server {
  readonly shape: ServerShape;
  /** Requests in it. */
  rif = 0;
  /** Answers under way count as given. Decayed, per second. */
  answersPerSecond = 0;
  errorsPerSecond = 0;
  /** Decayed part of the cores that were busy, 0..1. */
  utilization = 0;
  /** What faults make of it now. */
  speedFactor = 1;
  failingPart = 0;
  failAfterMs = 0;
  /** With so many requests in it, it asks to be spared; Infinity: never. */
  pushesBackFrom = Number.POSITIVE_INFINITY;
  retryAfterMs = 0;
  refuses = false;
  swallows = false;
  /** Time of the departure event that is under way; Infinity when none is. */
  scheduledAt = Number.POSITIVE_INFINITY;
  scheduleVersion = 0;
  #virtual = 0;
  #at = 0;
  #goals = new Float64Array(64);
  #jobs = new Int32Array(64);

  constructor(shape: ServerShape) {
    this.shape = shape;
  }

  get speed(): number {
    return this.shape.speed * this.speedFactor;
  }

  arrive(now: number, job: number, costMs: number): void {
    this.advance(now);
    if (this.rif === this.#goals.length) this.#grow();
    const goal = this.#virtual + costMs;
    let at = this.rif++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#goals[parent]! <= goal) break;
      this.#put(at, this.#goals[parent]!, this.#jobs[parent]!);
      at = parent;
    }
    this.#put(at, goal, job);
  }

  /** When the next request leaves if nothing else happens; Infinity when none does. */
  nextDeparture(): number {
    const rate = this.#rate();
    if (rate <= 0) return Number.POSITIVE_INFINITY;
    return this.#at + Math.max(0, this.#goals[0]! - this.#virtual) / rate;
  }

  /** Takes out a request whose work is done; -1 when none is. */
  depart(now: number): number {
    this.advance(now);
    if (this.rif === 0 || this.#goals[0]! > this.#virtual + DONE_MS) return -1;
    this.answersPerSecond += 1000 / RATE_DECAY_MS;
    return this.#remove();
  }

  /** Takes out any request, done or not: the process has died. -1 when none is left. */
  evict(now: number): number {
    this.advance(now);
    return this.rif === 0 ? -1 : this.#remove();
  }

  /** An error that took no work. */
  countError(now: number): void {
    this.advance(now);
    this.answersPerSecond += 1000 / RATE_DECAY_MS;
    this.errorsPerSecond += 1000 / RATE_DECAY_MS;
  }

  /** Must be called before the speed changes. */
  advance(now: number): void {
    const passed = now - this.#at;
    if (passed <= 0) return;
    this.#virtual += passed * this.#rate();
    this.#at = now;
    const kept = Math.exp(-passed / RATE_DECAY_MS);
    this.answersPerSecond *= kept;
    this.errorsPerSecond *= kept;
    this.utilization = this.utilization * kept + Math.min(1, this.rif / this.shape.cores) * (1 - kept);
  }

  #rate(): number {
    if (this.rif === 0) return 0;
    return this.speed * Math.min(1, this.shape.cores / this.rif);
  }

  #remove(): number {
    const job = this.#jobs[0]!;
    const last = --this.rif;
    const goal = this.#goals[last]!;
    const moved = this.#jobs[last]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#goals[child + 1]! < this.#goals[child]!) child++;
      if (this.#goals[child]! >= goal) break;
      this.#put(at, this.#goals[child]!, this.#jobs[child]!);
      at = child;
    }
    if (last > 0) this.#put(at, goal, moved);
    return job;
  }

  #put(at: number, goal: number, job: number): void {
    this.#goals[at] = goal;
    this.#jobs[at] = job;
  }

  #grow(): void {
    const goals = new Float64Array(this.rif * 2);
    goals.set(this.#goals);
    this.#goals = goals;
    const jobs = new Int32Array(this.rif * 2);
    jobs.set(this.#jobs);
    this.#jobs = jobs;
  }
}
