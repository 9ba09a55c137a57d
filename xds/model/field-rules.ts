import { type DescField, type DescMessage, isFieldSet, type MessageShape } from "@bufbuild/protobuf";
import type { Scope } from "./scope.ts";

/** Why a field is not accepted, for people; the sentence starts after the field's path. */
type Refusals = Readonly<Record<string, string>>;

/**
 * What becomes of each field of one message: `honoured` fields are read elsewhere, `harmless` ones change nothing that a
 * caller could notice, `refused` ones reject the resource because ignoring them would weaken security or send requests
 * elsewhere. Any other field that is set gives a warning: nothing that somebody wrote is passed over in silence.
 */
export interface FieldRules {
  readonly honoured: readonly string[];
  readonly harmless?: readonly string[];
  readonly refused?: Refusals;
}

export type FieldCheck<Desc extends DescMessage> = (scope: Scope, message: MessageShape<Desc>) => void;

/** Compiles the rules to a check that looks only at fields which are not honoured. Throws on a name the message lacks. */
export function fieldCheck<Desc extends DescMessage>(schema: Desc, rules: FieldRules): FieldCheck<Desc> {
  const { honoured, harmless = [], refused = {} } = rules;
  const known = new Set(schema.fields.map((field) => field.name));
  for (const name of [...honoured, ...harmless, ...Object.keys(refused)]) {
    if (!known.has(name)) throw new Error(`${schema.typeName} has no field ${name}`);
  }
  const quiet = new Set([...honoured, ...harmless]);
  const refusals = new Map(Object.entries(refused));
  const watched: (readonly [field: DescField, refusal: string | undefined])[] = schema.fields
    .filter((field) => !quiet.has(field.name))
    .map((field) => [field, refusals.get(field.name)]);

  return (scope, message) => {
    for (const [field, refusal] of watched) {
      if (!isFieldSet(message, field)) continue;
      if (refusal === undefined) scope.at(field.name).warn("is not supported and has no effect");
      else scope.at(field.name).error(refusal);
    }
  };
}
