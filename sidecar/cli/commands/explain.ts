import type { Explanation } from "../../telemetry/explanation.ts";
import { ADMIN_FLAGS, AdminClient } from "../admin-client.ts";
import { type Command, UsageError } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { milliseconds, percent, renderTable } from "../table.ts";

type Candidate = Explanation["candidates"][number];

export const explain: Command = {
  name: "explain",
  summary: "what would become of a request now, and why; nothing is sent",
  usage: "explain [METHOD] URL [--json] [--admin HOST:PORT]",
  flags: [...ADMIN_FLAGS, { name: "json", text: "the sidecar's whole answer" }],
  positionals: [1, 2],
  examples: ["dashpot explain GET http://orders/", "dashpot explain http://orders/cart?user=7"],
  async run(invocation, terminal) {
    const [first = "", second] = invocation.positionals;
    const [method, address] = second === undefined ? ["GET", first] : [first, second];
    const url = URL.parse(address.includes("://") ? address : `http://${address}`);
    if (!url) throw new UsageError(`"${address}" is no URL; write http://HOST/PATH`);
    const query = new URLSearchParams({ method, authority: url.host, path: `${url.pathname}${url.search}` });
    const text = await new AdminClient(invocation).ask(`/explain?${query}`);
    terminal.stdout.write(invocation.flags.has("json") ? text : told(JSON.parse(text) as Explanation));
    return EXIT.ok;
  },
};

function told(explanation: Explanation): string {
  const { listener, route, cluster, policy, candidates, sentence } = explanation;
  const way = [listener, route, cluster === "" ? "" : `cluster ${cluster} (${policy})`].filter(
    (part) => part !== "",
  );
  const table = renderTable<Candidate>(
    [
      { title: "endpoint", align: "left", cell: ({ address }) => address },
      { title: "score", align: "right", cell: ({ score }) => score?.toPrecision(4) ?? "-" },
      { title: "weight", align: "right", cell: ({ weight }) => weight?.toFixed(2) ?? "-" },
      { title: "latency", align: "right", cell: ({ latencyMs }) => milliseconds(latencyMs ?? Number.NaN) },
      { title: "errors", align: "right", cell: ({ errorRate }) => percent(errorRate ?? Number.NaN) },
      { title: "in flight", align: "right", cell: ({ inFlight }) => inFlight?.toString() ?? "-" },
    ],
    candidates,
  );
  const lines = [
    way.join(" -> "),
    ...(candidates.length === 0 ? [] : table.map((line) => `  ${line}`)),
    sentence,
  ];
  return `${lines.filter((line) => line !== "").join("\n")}\n`;
}
