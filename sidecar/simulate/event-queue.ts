/**
 * What happens next, in the order of time; events of the same instant in the order they were added. A binary heap over
 * typed arrays: a run has millions of events, and an object for each would cost more than all decisions together.
 */
export class EventQueue {
  /** Of the event that `next` took out last. */
  at = 0;
  kind = 0;
  a = 0;
  b = 0;
  size = 0;
  #heap = new Int32Array(1024);
  #times = new Float64Array(1024);
  #orders = new Float64Array(1024);
  #kinds = new Uint8Array(1024);
  #as = new Int32Array(1024);
  #bs = new Int32Array(1024);
  #free: number[] = [];
  #used = 0;
  #order = 0;

  add(at: number, kind: number, a = 0, b = 0): void {
    const id = this.#free.pop() ?? this.#claim();
    this.#times[id] = at;
    this.#orders[id] = this.#order++;
    this.#kinds[id] = kind;
    this.#as[id] = a;
    this.#bs[id] = b;
    this.#rise(this.size++, id);
  }

  /** Takes out the first event; false when there is none. */
  next(): boolean {
    if (this.size === 0) return false;
    const id = this.#heap[0]!;
    this.at = this.#times[id]!;
    this.kind = this.#kinds[id]!;
    this.a = this.#as[id]!;
    this.b = this.#bs[id]!;
    this.#free.push(id);
    this.size--;
    if (this.size > 0) this.#sink(this.#heap[this.size]!);
    return true;
  }

  #rise(from: number, id: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#heap[parent]!;
      if (!this.#before(id, above)) break;
      this.#heap[at] = above;
      at = parent;
    }
    this.#heap[at] = id;
  }

  #sink(id: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.#before(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      const below = this.#heap[child]!;
      if (!this.#before(below, id)) break;
      this.#heap[at] = below;
      at = child;
    }
    this.#heap[at] = id;
  }

  #before(a: number, b: number): boolean {
    const first = this.#times[a]!;
    const second = this.#times[b]!;
    return first < second || (first === second && this.#orders[a]! < this.#orders[b]!);
  }

  #claim(): number {
    if (this.#used === this.#heap.length) {
      this.#heap = grown(this.#heap, Int32Array);
      this.#times = grown(this.#times, Float64Array);
      this.#orders = grown(this.#orders, Float64Array);
      this.#kinds = grown(this.#kinds, Uint8Array);
      this.#as = grown(this.#as, Int32Array);
      this.#bs = grown(this.#bs, Int32Array);
    }
    return this.#used++;
  }
}

interface Numbers {
  readonly length: number;
  set(from: ArrayLike<number>): void;
}

function grown<T extends Numbers & ArrayLike<number>>(old: T, kind: new (length: number) => T): T {
  const larger = new kind(old.length * 2);
  larger.set(old);
  return larger;
}
