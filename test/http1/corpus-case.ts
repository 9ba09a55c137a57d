export type Side = "client" | "origin";

/** One line of a case's script; the steps happen in their order. */
export type Step = StepKind & { readonly line: number };

type StepKind =
  | { readonly kind: "sends"; readonly side: Side; readonly bytes: string }
  | {
      readonly kind: "gets";
      readonly side: Side;
      /** A whole message, a head without what may follow it, or exactly these bytes. */
      readonly what: "message" | "head" | "bytes";
      readonly bytes: string;
      readonly connection: "any" | "new" | "same";
    }
  /** A whole response of this status, whatever else it says. */
  | { readonly kind: "status"; readonly status: number }
  /** Nothing more has reached the origin, on any connection. */
  | { readonly kind: "nothing" }
  /** The connection takes another request and answers it. */
  | { readonly kind: "stays" }
  /** The proxy ends the connection and says nothing more on it; `reset`: by RST, so that nobody takes it for the end of a body. */
  | { readonly kind: "closed"; readonly side: Side; readonly reset: boolean }
  /** FIN, or RST. */
  | { readonly kind: "ends" | "resets"; readonly side: Side }
  /** The client goes on with a connection of its own. */
  | { readonly kind: "connects" };

/** A conversation through a proxy that has one listener, one route and one upstream for it. */
export interface CorpusCase {
  /** A sentence, and the variant where the case has several. Unique in the corpus. */
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** The paragraph or the advisory that it comes from. */
  readonly source: string;
  /** YAML: fields of the connection manager that differ from those of the other cases. */
  readonly listener: string;
  /** YAML: a list of routes before the one that sends everything to the origin. */
  readonly routes: string;
  /** Protocols that the route lets through. */
  readonly upgrades: readonly string[];
  /** Why another proxy does otherwise, by its name. */
  readonly differences: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
}
