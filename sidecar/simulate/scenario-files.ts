import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readScenario, type ScenarioReading } from "./read-scenario.ts";

const SHIPPED = new URL("scenarios/", import.meta.url);
const ENDING = ".yaml";

/** Names of the scenarios that come with Dashpot. */
export function shippedScenarios(): string[] {
  return readdirSync(SHIPPED)
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .sort();
}

/** Reads a scenario by the name of a shipped one, or by the path of a file. Throws when there is no such file. */
export function loadScenario(nameOrPath: string): ScenarioReading {
  const shipped = shippedScenarios().includes(nameOrPath);
  const file = shipped ? fileURLToPath(new URL(nameOrPath + ENDING, SHIPPED)) : nameOrPath;
  return readScenario(readFileSync(file, "utf8"), file);
}
