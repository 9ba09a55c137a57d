import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import test from "node:test";

/**
 * The floors of the house, lowest first. A room may import from its own room and from rooms on lower floors. Rooms of one
 * floor are neighbours and do not know each other, unless a neighbour is named here with the reason.
 */
const FLOORS: readonly (readonly string[])[] = [
  ["xds/common"],
  ["xds/proto"],
  ["xds/model"],
  ["xds/protocol"],
  ["xds/client", "xds/server"],
  ["sidecar/codec", "sidecar/routing", "sidecar/balancing", "sidecar/telemetry"],
  ["sidecar/upstream"],
  ["sidecar/proxy"],
  ["sidecar/admin", "sidecar/simulate"],
  ["sidecar/cli"],
  ["sidecar"],
];

/** Neighbours that may be imported: who, from whom, why. */
const NEIGHBOURS: readonly (readonly [from: string, to: string])[] = [
  // Routes match on the head of a message, which is the codec's type.
  ["sidecar/routing", "sidecar/codec"],
  // The decision record is made of the balancer's evidence and outcomes.
  ["sidecar/telemetry", "sidecar/balancing"],
];

const ROOT = join(import.meta.dirname, "../..");

function roomOf(file: string): string | undefined {
  const rooms = FLOORS.flat().filter((room) => file.startsWith(`${room}/`));
  return rooms.sort((a, b) => b.length - a.length)[0];
}

function floorOf(room: string): number {
  return FLOORS.findIndex((floor) => floor.includes(room));
}

/** Static and dynamic imports of other files; packages and node: modules do not count. */
function importsOf(file: string): string[] {
  const source = readFileSync(join(ROOT, file), "utf8");
  const found = source.matchAll(
    /(?:^|\s)(?:import|export)\s[^'"]*?from\s+["'](\.[^"']+)["']|import\(\s*["'](\.[^"']+)["']/g,
  );
  return [...found].map((match) => normalize(join(dirname(file), match[1] ?? match[2] ?? "")));
}

function sourceFiles(): string[] {
  return globSync("{sidecar,xds}/**/*.{ts,js}", { cwd: ROOT }).filter(
    (file) =>
      !file.startsWith("xds/proto/gen/") &&
      !file.startsWith("sidecar/admin/page/") &&
      !file.endsWith(".d.ts"),
  );
}

test("imports go down the floors, never up and never to a neighbour", () => {
  const wrong: string[] = [];
  for (const file of sourceFiles()) {
    const room = roomOf(file);
    assert.ok(room, `${file} lies in no room of the house`);
    for (const target of importsOf(file)) {
      const other = roomOf(target);
      if (other === undefined) {
        wrong.push(`${file} imports ${target}, which lies outside the house`);
        continue;
      }
      if (other === room || floorOf(other) < floorOf(room)) continue;
      if (NEIGHBOURS.some(([from, to]) => from === room && to === other)) continue;
      wrong.push(`${file} (${room}) imports ${target} (${other})`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("imports never run in a circle", () => {
  const files = new Set(sourceFiles());
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) {
      circles.push([...path.slice(at), file].join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const target of importsOf(file)) if (files.has(target)) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  assert.deepEqual(circles, []);
});

test("no file grows past 500 lines", () => {
  const long = sourceFiles()
    .map((file) => [file, readFileSync(join(ROOT, file), "utf8").split("\n").length] as const)
    .filter(([, lines]) => lines > 500);
  assert.deepEqual(long, []);
});
