import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** One request, and whether the sidecar is to answer it as Envoy does. */
export interface Ask {
  /** Where it stands in its case, for messages. */
  readonly name: string;
  /** The first line without the version (which may be named), fields, and behind an empty line the body. */
  readonly text: string;
  /** Why the sidecar does otherwise on purpose; empty: it must not. */
  readonly differs: string;
  /** How many messages are to reach the backends, for those that come when the answer is already there. Default: those that came by then. */
  readonly reaches: number;
}

/** A piece of configuration and the requests that show what it means. Fields are Envoy's; a missing one is left out. */
export interface RoutingCase {
  readonly name: string;
  /** Of the connection manager. */
  readonly manager: object;
  /** Of the route configuration. */
  readonly table: object;
  /** Of the virtual host that takes every name. */
  readonly host: object;
  readonly hosts: readonly object[] | undefined;
  readonly routes: readonly object[];
  /** Of the cluster `{origin}`. */
  readonly cluster: object;
  /** Of its one endpoint. */
  readonly endpoint: object;
  /** HTTP filters before the router. */
  readonly filters: readonly object[];
  readonly asks: readonly Ask[];
}

interface Written extends Partial<Omit<RoutingCase, "asks">> {
  readonly name: string;
  readonly asks: readonly (
    | string
    | { readonly ask: string; readonly differs?: string; readonly reaches?: number }
  )[];
}

const FOLDER = join(import.meta.dirname, "cases");

/** All cases, in the order of their files' names. */
export function readRoutingCases(): RoutingCase[] {
  const files = readdirSync(FOLDER).sort();
  const written = files.flatMap((file) => parse(readFileSync(join(FOLDER, file), "utf8")) as Written[]);
  return written.map(({ name, asks, ...rest }) => ({
    manager: {},
    table: {},
    host: {},
    hosts: undefined,
    routes: [{ match: { prefix: "/" }, route: { cluster: "{origin}" } }],
    cluster: {},
    endpoint: {},
    filters: [],
    ...rest,
    name,
    asks: asks.map((written) => {
      const { ask, differs = "", reaches = 0 } = typeof written === "string" ? { ask: written } : written;
      return { name: nameOf(ask), text: ask, differs, reaches };
    }),
  }));
}

function nameOf(text: string): string {
  return text.trimEnd().split("\n", 3).join(" | ").slice(0, 120);
}
