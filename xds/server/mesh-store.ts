import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { compareSnapshots, type Snapshot, type SnapshotChange } from "../protocol/server-snapshot.ts";
import { type MeshReport, validateMesh } from "./mesh-report.ts";

/** A version of the file that is not served, and why. */
export interface RejectedMesh {
  /** Wall time in ms. */
  readonly at: number;
  readonly lines: readonly string[];
}

/** The last good snapshot. A file replaces it as a whole or, when anything in it is wrong, not at all. */
export class MeshStore {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #subscribers = new Set<(snapshot: Snapshot) => void>();
  #snapshot: Snapshot;
  #publishedAt: number;
  #generation = 1;
  #rejected: RejectedMesh | undefined;
  #warnings: readonly string[];

  /** `first` must have a snapshot. */
  constructor(first: MeshReport, clock: Clock, logger: Logger) {
    if (!first.snapshot) throw new Error(`${first.file} has errors`);
    this.#file = first.file;
    this.#clock = clock;
    this.#logger = logger;
    this.#snapshot = first.snapshot;
    this.#publishedAt = clock.wall();
    this.#warnings = first.lines;
  }

  get file(): string {
    return this.#file;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Wall time in ms. */
  get publishedAt(): number {
    return this.#publishedAt;
  }

  /** 1 for the first snapshot, one more for each that replaced it. */
  get generation(): number {
    return this.#generation;
  }

  /** Why the file as it stands now is not served; undefined while it is. */
  get rejected(): RejectedMesh | undefined {
    return this.#rejected;
  }

  /** What the served file was accepted with. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  subscribe(onSnapshot: (snapshot: Snapshot) => void): () => void {
    this.#subscribers.add(onSnapshot);
    return () => this.#subscribers.delete(onSnapshot);
  }

  /** Takes a new text of the file. */
  offer(text: string): void {
    let report: MeshReport;
    try {
      report = validateMesh(text, this.#file);
    } catch (error) {
      // A mistake of ours in reading a file must not end the server that still has a good one to serve.
      this.#logger.error({ err: error }, "checking the mesh file failed");
      this.reject([`${this.#file}: checking it failed, see the log`]);
      return;
    }
    if (!report.snapshot) {
      this.reject(report.lines);
      return;
    }
    this.#rejected = undefined;
    this.#warnings = report.lines;
    if (report.snapshot.version === this.#snapshot.version) {
      this.#logger.info({ version: report.snapshot.version }, "the mesh file says the same as before");
      return;
    }
    const changes = summary(compareSnapshots(this.#snapshot, report.snapshot));
    this.#snapshot = report.snapshot;
    this.#publishedAt = this.#clock.wall();
    this.#generation++;
    this.#logger.info(
      { version: report.snapshot.version, changes, warnings: report.lines },
      "serving the changed mesh file",
    );
    for (const onSnapshot of this.#subscribers) onSnapshot(report.snapshot);
  }

  /** Notes that the file cannot be served; the last good one goes on. */
  reject(lines: readonly string[]): void {
    this.#rejected = { at: this.#clock.wall(), lines };
    this.#logger.error(
      { errors: lines, serving: this.#snapshot.version },
      "the mesh file is not served; the last good one still is",
    );
  }
}

const SHOWN_NAMES = 10;

/** Changes as short as a log line should be: `{ eds: { changed: "orders, payments" } }`. */
function summary(changes: Record<string, SnapshotChange>): Record<string, Record<string, string>> {
  const texts = ({ added, changed, removed }: SnapshotChange) =>
    Object.entries({ added, changed, removed })
      .filter(([, names]) => names.length > 0)
      .map(([what, names]) => [what, shortList(names)]);
  return Object.fromEntries(
    Object.entries(changes).map(([type, change]) => [type, Object.fromEntries(texts(change))]),
  );
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES).join(", ");
  return names.length > SHOWN_NAMES ? `${shown} and ${names.length - SHOWN_NAMES} more` : shown;
}
