import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { createLogger } from "../../../xds/common/logger.ts";
import { FileSource } from "../../../xds/server/file-source.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("the source of the mesh file", () => {
  let folder: string;
  let file: string;
  let clock: FakeClock;
  let source: FileSource;
  let texts: string[];
  let errors: string[];
  let heard: () => void;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dashpot-source-"));
    file = join(folder, "mesh.yaml");
    await writeFile(file, "one");
    clock = new FakeClock();
    texts = [];
    errors = [];
    heard = () => {};
    source = new FileSource({
      file,
      clock,
      logger: createLogger("silent"),
      onText: (text) => {
        texts.push(text);
        heard();
      },
      onError: (error) => {
        errors.push(error.message);
        heard();
      },
    });
  });

  afterEach(async () => {
    source.close();
    await rm(folder, { recursive: true, force: true });
  });

  const hearing = () =>
    new Promise<void>((resolve) => {
      heard = resolve;
    });

  it("gives the text at the start and hands on only changes", async () => {
    assert.equal(await source.start(), "one");
    await source.reload();
    assert.deepEqual(texts, []);
    await writeFile(file, "two");
    await source.reload();
    await source.reload();
    assert.deepEqual(texts, ["two"]);
  });

  it("reads the file from time to time, should watching it fail", async () => {
    await source.start();
    source.stopWatching();
    await writeFile(file, "two");
    const change = hearing();
    clock.advance(5_000);
    await change;
    assert.deepEqual(texts, ["two"]);
  });

  it("tells once that the file cannot be read, and takes it up again", async () => {
    await source.start();
    await rm(file);
    await source.reload();
    await source.reload();
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? "", /ENOENT/);
    await writeFile(file, "one");
    await source.reload();
    assert.deepEqual(texts, ["one"]);
  });

  it("refuses a file that is larger than the parser would take", async () => {
    await source.start();
    await writeFile(file, "x".repeat(1024 * 1024 + 1));
    await source.reload();
    assert.match(errors[0] ?? "", /larger than 1048576 bytes/);
  });

  it("fails to start without the file and leaves no timer behind", async () => {
    await rm(file);
    await assert.rejects(source.start(), /ENOENT/);
    assert.equal(clock.pending, 0);
  });

  it("leaves no timer behind when closed", async () => {
    await source.start();
    source.close();
    await source.reload();
    assert.equal(clock.pending, 0);
  });
});
