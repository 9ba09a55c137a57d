import { didYouMean } from "../../../xds/common/nearest-name.ts";
import type { EndpointView } from "../../balancing/balancer.ts";
import { ADMIN_FLAGS, AdminClient } from "../admin-client.ts";
import { type Command, CommandError } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { bar, milliseconds, percent, renderTable } from "../table.ts";

const BAR_WIDTH = 20;

/** The part of `/clusters?format=json` that is shown. JSON has no NaN: what is not known yet is null. */
interface ClusterStatuses {
  readonly cluster_statuses: readonly {
    readonly name: string;
    readonly host_statuses: readonly { readonly dashpot: EndpointView }[];
    readonly dashpot: { readonly policy: string; readonly panic: boolean };
  }[];
}

export const endpoints: Command = {
  name: "endpoints",
  summary: "every endpoint with its share, weight, latency, errors and state",
  usage: "endpoints [CLUSTER] [--json] [--admin HOST:PORT]",
  flags: [...ADMIN_FLAGS, { name: "json", text: "the sidecar's whole answer" }],
  positionals: [0, 1],
  examples: ["dashpot endpoints", "dashpot endpoints orders"],
  async run(invocation, terminal) {
    const [only] = invocation.positionals;
    const text = await new AdminClient(invocation).ask("/clusters?format=json");
    if (invocation.flags.has("json")) {
      terminal.stdout.write(text);
      return EXIT.ok;
    }
    const { cluster_statuses: all } = JSON.parse(text) as ClusterStatuses;
    const shown = all.filter(({ name }) => only === undefined || name === only);
    if (shown.length === 0) {
      const names = all.map(({ name }) => name);
      const which = only === undefined ? "" : ` "${only}"${didYouMean(only, names)}`;
      throw new CommandError(`there is no cluster${which}; known: ${names.join(", ") || "none yet"}`);
    }
    for (const cluster of shown) terminal.stdout.write(`${told(cluster).join("\n")}\n`);
    return EXIT.ok;
  },
};

/** What was learned, and the operator's own weight where there is one: their product is in force. */
function weightText({ weight, staticWeight }: EndpointView): string {
  return `${weight.toFixed(2)}${staticWeight === 1 ? "" : ` × ${staticWeight}`}`;
}

function told({
  name,
  host_statuses: hosts,
  dashpot,
}: ClusterStatuses["cluster_statuses"][number]): string[] {
  const table = renderTable<EndpointView>(
    [
      { title: "endpoint", align: "left", cell: ({ address }) => address },
      { title: "state", align: "left", cell: ({ state }) => state },
      { title: "health", align: "left", cell: ({ health }) => health },
      { title: "share", align: "right", cell: ({ share }) => percent(share) },
      { title: "", align: "left", cell: ({ share }) => bar(share, BAR_WIDTH) },
      { title: "weight", align: "right", cell: weightText },
      { title: "latency", align: "right", cell: ({ latencyMs }) => milliseconds(latencyMs ?? Number.NaN) },
      { title: "errors", align: "right", cell: ({ errorRate }) => percent(errorRate) },
      { title: "in flight", align: "right", cell: ({ inFlight }) => String(inFlight) },
      { title: "locality", align: "left", cell: ({ locality }) => locality },
    ],
    hosts.map(({ dashpot: view }) => view),
  );
  return [
    `${name} (${dashpot.policy}${dashpot.panic ? ", in panic" : ""})`,
    ...table.map((line) => `  ${line}`),
  ];
}
