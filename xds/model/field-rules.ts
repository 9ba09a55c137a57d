import { type DescField, type DescMessage, isFieldSet, type MessageShape } from "@bufbuild/protobuf";
import type { Scope } from "./scope.ts";

/** Why a field is not accepted, for people; the sentence starts after the field's path. */
type Refusals = Readonly<Record<string, string>>;

/**
 * What becomes of each field of one message: `honoured` fields are read elsewhere, `partly` ones too, but not every value of
 * them is followed; `harmless` ones change nothing that a caller could notice, `refused` ones reject the resource because
 * ignoring them would weaken security or send requests elsewhere. Any other field that is set gives a warning: nothing that
 * somebody wrote is passed over in silence.
 */
export interface FieldRules {
  readonly honoured: readonly string[];
  /** What is followed of each, for the reference page: a phrase after the field's name. */
  readonly partly?: Readonly<Record<string, string>>;
  readonly harmless?: readonly string[];
  readonly refused?: Refusals;
  /** What does the same as a field that has no effect: the end of its warning. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Where the message stands, for one that is read by other rules elsewhere. */
  readonly where?: string;
}

/** The rules of one message, as the reference page shows them. */
export interface FieldTable {
  readonly schema: DescMessage;
  readonly rules: FieldRules;
}

const TABLES: FieldTable[] = [];

/** Every table of the modules that were imported so far. */
export function fieldTables(): readonly FieldTable[] {
  return TABLES;
}

export type FieldCheck<Desc extends DescMessage> = (scope: Scope, message: MessageShape<Desc>) => void;

/** Compiles the rules to a check that looks only at fields which are not honoured. Throws on a name the message lacks. */
export function fieldCheck<Desc extends DescMessage>(schema: Desc, rules: FieldRules): FieldCheck<Desc> {
  const { honoured, partly = {}, harmless = [], refused = {}, instead = {} } = rules;
  const quiet = new Set([...honoured, ...Object.keys(partly), ...harmless]);
  const known = new Set(schema.fields.map((field) => field.name));
  for (const name of [...quiet, ...Object.keys(refused), ...Object.keys(instead)]) {
    if (!known.has(name)) throw new Error(`${schema.typeName} has no field ${name}`);
  }
  TABLES.push({ schema, rules });
  const refusals = new Map(Object.entries(refused));
  const hints = new Map(Object.entries(instead).map(([name, hint]) => [name, `: ${hint}`]));
  const watched: (readonly [field: DescField, refusal: string | undefined, hint: string])[] = schema.fields
    .filter((field) => !quiet.has(field.name))
    .map((field) => [field, refusals.get(field.name), hints.get(field.name) ?? ""]);

  return (scope, message) => {
    for (const [field, refusal, hint] of watched) {
      if (!isFieldSet(message, field)) continue;
      if (refusal === undefined) scope.at(field.name).warn(`is not supported and has no effect${hint}`);
      else scope.at(field.name).error(refusal);
    }
  };
}
