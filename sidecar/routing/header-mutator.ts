import type { HeaderAddition, HeaderMutations } from "../../xds/model/route-table.ts";
import type { FieldLines } from "../codec/head.ts";
import { compileFormat, type Format, type FormatEnvironment } from "./format.ts";
import type { RequestContext } from "./request-context.ts";

interface Step {
  readonly action: "remove" | HeaderAddition["action"];
  readonly name: string;
  readonly lowerName: string;
  readonly value: Format;
  readonly keepEmpty: boolean;
}

function isNamed(fields: FieldLines, at: number, lowerName: string): boolean {
  const name = fields[at] as string;
  return name.length === lowerName.length && name.toLowerCase() === lowerName;
}

function has(fields: FieldLines, lowerName: string): boolean {
  for (let i = 0; i < fields.length; i += 2) if (isNamed(fields, i, lowerName)) return true;
  return false;
}

/** Takes out all lines of one name, in place. */
export function removeField(fields: FieldLines, lowerName: string): void {
  let kept = 0;
  for (let i = 0; i < fields.length; i += 2) {
    if (isNamed(fields, i, lowerName)) continue;
    fields[kept++] = fields[i] as string;
    fields[kept++] = fields[i + 1] as string;
  }
  fields.length = kept;
}

/** Header changes of all levels of a route table, in the order in which they are done. */
export class HeaderMutator {
  readonly #steps: readonly Step[];

  constructor(steps: readonly Step[]) {
    this.#steps = steps;
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  /** Changes `fields` in place. */
  apply(fields: FieldLines, context: RequestContext): void {
    for (let i = 0; i < this.#steps.length; i++) this.#do(this.#steps[i] as Step, fields, context);
  }

  #do(step: Step, fields: FieldLines, context: RequestContext): void {
    if (step.action === "remove") {
      removeField(fields, step.lowerName);
      return;
    }
    const value = typeof step.value === "string" ? step.value : step.value(context);
    if (value === "" && !step.keepEmpty) return;
    if (step.action !== "append") {
      const present = has(fields, step.lowerName);
      if (present && step.action === "add_if_absent") return;
      if (!present && step.action === "overwrite_if_present") return;
      if (present) removeField(fields, step.lowerName);
    }
    fields.push(step.name, value);
  }
}

export const NO_MUTATION = new HeaderMutator([]);

/**
 * Compiles the levels that bear on a route, in the order in which they are done: the later ones see the work of the
 * earlier and have the last word. Each level removes before it adds. The model has
 * refused names that steer the message itself.
 */
export function compileMutations(
  levels: readonly HeaderMutations[],
  environment: FormatEnvironment,
): HeaderMutator {
  const steps: Step[] = [];
  for (const level of levels) {
    for (const name of level.remove) {
      steps.push({ action: "remove", name, lowerName: name.toLowerCase(), value: "", keepEmpty: false });
    }
    for (const { name, action, value, keepEmpty } of level.add) {
      const format = compileFormat(value, environment);
      steps.push({ action, name, lowerName: name.toLowerCase(), value: format, keepEmpty });
    }
  }
  return steps.length === 0 ? NO_MUTATION : new HeaderMutator(steps);
}
