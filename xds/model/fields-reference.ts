import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CLUSTER } from "./cluster-from-proto.ts";
import { CLUSTER_LOAD_ASSIGNMENT } from "./endpoints-from-proto.ts";
import { type FieldTable, fieldTables } from "./field-rules.ts";
import { LISTENER } from "./listener-from-proto.ts";
import { ROUTE_CONFIGURATION } from "./routes-from-proto.ts";

/** The page that holds the reference, and the marks between which it stands. */
export const FIELDS_PAGE = fileURLToPath(new URL("../../docs/xds.md", import.meta.url));
const BEGIN = "<!-- fields: written by `node xds/model/fields-reference.ts`, do not edit -->";
const END = "<!-- end of fields -->";

/** Where a message belongs, by how its full name begins; the first that fits. */
const CHAPTERS: readonly (readonly [title: string, beginnings: readonly string[]])[] = [
  [
    "Listener",
    ["envoy.config.listener.v3", "envoy.extensions.filters.network", "envoy.extensions.filters.http.router"],
  ],
  ["RouteConfiguration", ["envoy.config.route.v3", "envoy.extensions.filters"]],
  [
    "Cluster",
    [
      "envoy.config.cluster.v3",
      "envoy.extensions.upstreams",
      "envoy.extensions.load_balancing",
      "envoy.config.core.v3.HealthCheck",
    ],
  ],
  ["ClusterLoadAssignment", ["envoy.config.endpoint.v3"]],
  ["TLS", ["envoy.extensions.transport_sockets.tls.v3"]],
  ["In several places", ["envoy."]],
];

/** The page with its reference as the model's own tables have it. Throws where the marks are missing. */
export function withFields(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${FIELDS_PAGE} lacks the marks of the fields`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${reference()}\n${page.slice(end)}`;
}

function reference(): string {
  const left = new Set(fieldTables());
  return CHAPTERS.map(([title, beginnings]) => {
    const tables = [...left].filter(({ schema }) =>
      beginnings.some((beginning) => schema.typeName.startsWith(beginning)),
    );
    for (const table of tables) left.delete(table);
    return [`### ${title}`, "", ...tables.toSorted(rootFirst).map(entry)].join("\n");
  }).join("\n");
}

const ROOTS: ReadonlySet<string> = new Set(
  [LISTENER, ROUTE_CONFIGURATION, CLUSTER, CLUSTER_LOAD_ASSIGNMENT].map(({ typeUrl }) =>
    typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
  ),
);

/** The resource itself stands before its parts, and these by name. */
function rootFirst(a: FieldTable, b: FieldTable): number {
  const ranks = Number(ROOTS.has(b.schema.typeName)) - Number(ROOTS.has(a.schema.typeName));
  return ranks || (a.schema.typeName < b.schema.typeName ? -1 : 1);
}

function entry({ schema, rules }: FieldTable): string {
  const { honoured, partly = {}, harmless = [], refused = {}, instead = {}, where } = rules;
  const ruled = new Set([...honoured, ...Object.keys(partly), ...harmless, ...Object.keys(refused)]);
  const warned = schema.fields
    .filter(({ name }) => !ruled.has(name))
    .map(({ name }) => (instead[name] === undefined ? code(name) : `${code(name)} (${instead[name]})`));
  const lines = [
    line("honoured", honoured.map(code)),
    line("in part", byReason(partly)),
    line("refused", byReason(refused)),
    line("a warning, and no effect", warned),
    line("accepted as harmless", harmless.map(code)),
  ];
  const name = `\`${schema.typeName}\`${where === undefined ? "" : ` ${where}`}`;
  return [`**${name}**`, "", ...lines.flat(), ""].join("\n");
}

function line(title: string, fields: readonly string[]): readonly string[] {
  return fields.length === 0 ? [] : [`- ${title}: ${fields.join(", ")}`];
}

/** Fields with one reason stand together. That refused ones are not supported is said by where they stand. */
function byReason(reasons: Readonly<Record<string, string>>): readonly string[] {
  const groups = Map.groupBy(Object.entries(reasons), ([, reason]) => reason);
  return [...groups].map(([reason, entries]) => {
    const names = entries.map(([name]) => code(name)).join(", ");
    const why = reason.replace(/^is not supported(: )?/, "");
    return why === "" ? names : `${names} (${why})`;
  });
}

function code(name: string): string {
  return `\`${name}\``;
}

if (import.meta.main) writeFileSync(FIELDS_PAGE, withFields(readFileSync(FIELDS_PAGE, "utf8")));
