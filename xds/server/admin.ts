import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { BindError } from "../common/bind-error.ts";
import type { Clock } from "../common/clock.ts";
import { parseHostPort } from "../common/host-port.ts";
import { isLocalHostHeader, isLoopback } from "../common/loopback.ts";
import { endpointAddress } from "../model/endpoint.ts";
import { adminPage, PAGE_POLICY } from "./admin-page.ts";
import { clientsView, meshView, resourcesView, snapshotView } from "./admin-views.ts";
import type { DiscoveryService } from "./discovery-service.ts";
import type { MeshStore } from "./mesh-store.ts";

export interface AdminPagesOptions {
  readonly store: MeshStore;
  readonly discovery: DiscoveryService;
  readonly clock: Clock;
}

export interface AdminPages {
  readonly address: string;
  close(): Promise<void>;
}

type Page = (query: URLSearchParams) => { readonly type: "json" | "html" | "text"; readonly body: string };

/**
 * The control server's own pages: read only, on loopback only. They tell everything about the mesh, and there is nobody to ask
 * whether the reader may know it.
 *
 * @throws BindError when the address is not a loopback address or cannot be bound.
 */
export async function startAdminPages(address: string, options: AdminPagesOptions): Promise<AdminPages> {
  const parsed = parseHostPort(address, 0);
  if ("error" in parsed) throw new BindError(address, parsed.error);
  const { host, port } = parsed;
  if (!isLoopback(host))
    throw new BindError(address, "the admin pages are served on loopback addresses only");
  const pages = pagesOf(options);
  const server = createServer(
    { maxHeaderSize: 16_384, requestTimeout: 10_000, headersTimeout: 5_000 },
    (request, response) => answer(request, response, pages),
  );
  server.maxConnections = 100;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new BindError(address, error.message)));
    server.listen(port, host, resolve);
  });
  return {
    address: endpointAddress(host, (server.address() as AddressInfo).port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pagesOf({ store, discovery, clock }: AdminPagesOptions): ReadonlyMap<string, Page> {
  const json = (value: unknown) => ({
    type: "json" as const,
    body: `${JSON.stringify(value, undefined, 2)}\n`,
  });
  return new Map<string, Page>([
    ["/", () => ({ type: "html", body: adminPage(store, discovery, clock.wall()) })],
    ["/live", () => ({ type: "text", body: "LIVE\n" })],
    // The pages come up after the first snapshot, so whoever gets an answer can be served.
    ["/ready", () => ({ type: "text", body: "READY\n" })],
    ["/mesh", () => json(meshView(store))],
    ["/clients", () => json(clientsView(discovery))],
    ["/snapshot", () => json(snapshotView(store))],
    ["/resources", (query) => json(resourcesView(store, query.get("type"), query.get("name")))],
  ]);
}

const CONTENT_TYPES = {
  json: "application/json",
  html: "text/html; charset=utf-8",
  text: "text/plain; charset=utf-8",
};

function answer(request: IncomingMessage, response: ServerResponse, pages: ReadonlyMap<string, Page>): void {
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("referrer-policy", "no-referrer");
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-security-policy", PAGE_POLICY);
  const refuse = (status: number, reason: string): void => {
    response.writeHead(status, { "content-type": CONTENT_TYPES.text }).end(`${reason}\n`);
  };
  if (!isLocalHostHeader(request.headers.host)) {
    refuse(403, "the Host must be localhost or an IP address");
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    refuse(405, "these pages can only be read");
    return;
  }
  const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
  const page = pages.get(path);
  if (!page) {
    refuse(404, `there is no such page; there are ${[...pages.keys()].join(" ")}`);
    return;
  }
  const { type, body } = page(new URLSearchParams(query));
  response.writeHead(200, { "content-type": CONTENT_TYPES[type] });
  response.end(request.method === "HEAD" ? undefined : body);
}
