import { type FSWatcher, watch } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { Cancel, Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { DEFAULT_SOURCE_LIMITS } from "../common/source-text.ts";

export interface FileSourceOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Quiet time after a change before the file is read, in ms: editors and deployments write in several steps. Default 100. */
  readonly debounceMs?: number;
  /** The file is also read this often, in ms: watching is not reliable on network file systems, or across links. Default 5 000. */
  readonly pollMs?: number;
  /** Called with the text when it differs from the last one, and with the error when the file cannot be read. */
  readonly onText: (text: string) => void;
  readonly onError: (error: Error) => void;
}

/**
 * Watches one file through its DIRECTORY: Kubernetes swaps a symbolic link beside it (`..data`), and editors replace the file,
 * so a watch on the file itself would follow what is no longer there.
 */
export class FileSource {
  readonly #options: FileSourceOptions;
  #watcher: FSWatcher | undefined;
  #cancelDebounce: Cancel = () => {};
  #cancelPoll: Cancel = () => {};
  #lastText: string | undefined;
  #lastError = "";
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: FileSourceOptions) {
    this.#options = options;
  }

  /** Reads the file once and then follows it. Only the first read's failure is thrown. */
  async start(): Promise<string> {
    // Watching begins first, so that a change during the first read is not missed.
    this.#watch();
    try {
      this.#lastText = await readBounded(this.#options.file);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#poll();
    return this.#lastText;
  }

  /** Reads the file now, as on SIGHUP. Resolves when whatever it says has been handed on. */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  /** From now on only reads the file from time to time. */
  stopWatching(): void {
    this.#watcher?.close();
  }

  close(): void {
    this.#closed = true;
    this.stopWatching();
    this.#cancelDebounce();
    this.#cancelPoll();
  }

  #watch(): void {
    const { file, logger } = this.#options;
    try {
      this.#watcher = watch(dirname(file), { persistent: false }, (_, name) => {
        // Another file's change: only names that cannot be a link on the way to ours are left aside.
        if (name === null || name === basename(file) || name.startsWith("..")) this.#debounce();
      });
      this.#watcher.on("error", (error) =>
        logger.warn({ err: error, file }, "watching failed; the file is polled"),
      );
    } catch (error) {
      logger.warn({ err: error, file }, "cannot watch the directory; the file is polled");
    }
  }

  #debounce(): void {
    this.#cancelDebounce();
    this.#cancelDebounce = this.#options.clock.after(
      this.#options.debounceMs ?? 100,
      () => void this.reload(),
    );
  }

  #poll(): void {
    this.#cancelPoll = this.#options.clock.after(this.#options.pollMs ?? 5_000, () => {
      void this.reload().then(() => {
        if (!this.#closed) this.#poll();
      });
    });
  }

  async #read(): Promise<void> {
    if (this.#closed) return;
    let text: string;
    try {
      text = await readBounded(this.#options.file);
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      if (failure.message !== this.#lastError) this.#options.onError(failure);
      this.#lastError = failure.message;
      // When the file is back it is handed on even if it says the same, so that the error can be taken back.
      this.#lastText = undefined;
      return;
    }
    this.#lastError = "";
    if (this.#closed || text === this.#lastText) return;
    this.#lastText = text;
    this.#options.onText(text);
  }
}

/** Never takes in more than the parser would: the file may be a device, or grow while it is read. */
async function readBounded(file: string): Promise<string> {
  const limit = DEFAULT_SOURCE_LIMITS.maxBytes;
  const handle = await open(file, "r");
  try {
    const buffer = Buffer.alloc(limit + 1);
    let length = 0;
    while (length <= limit) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) return buffer.toString("utf8", 0, length);
      length += bytesRead;
    }
    throw new Error(`${file} is larger than ${limit} bytes`);
  } finally {
    await handle.close();
  }
}
