import { resourceJson } from "../proto/resource-json.ts";
import { SERVED_TYPES, type ServedResource, SHORT_NAMES } from "../protocol/server-snapshot.ts";
import type { SubscriptionStatus } from "../protocol/server-subscription.ts";
import type { ClientStatus } from "./client-connection.ts";
import type { DiscoveryService } from "./discovery-service.ts";
import type { MeshStore } from "./mesh-store.ts";

const time = (ms: number): string | null => (ms > 0 ? new Date(ms).toISOString() : null);

/** What the mesh file says now, and whether that is what is served. */
export function meshView(store: MeshStore) {
  const { rejected, snapshot } = store;
  return {
    file: store.file,
    version: snapshot.version,
    generation: store.generation,
    served_since: time(store.publishedAt),
    warnings: store.warnings,
    rejected: rejected ? { at: time(rejected.at), errors: rejected.lines } : null,
  };
}

/** The served resources by name and version. */
export function snapshotView({ snapshot }: MeshStore) {
  const types = [...snapshot.types].map(([typeUrl, { version, resources }]) => [
    SHORT_NAMES.get(typeUrl),
    {
      type_url: typeUrl,
      version,
      resources: [...resources.values()].map((resource) => ({
        name: resource.name,
        version: resource.version,
      })),
    },
  ]);
  return { version: snapshot.version, types: Object.fromEntries(types) };
}

/** Who is connected and how far each has come. */
export function clientsView(discovery: DiscoveryService) {
  return { refused_streams: discovery.refused, clients: discovery.clients().map(clientView) };
}

function clientView(client: ClientStatus) {
  const { types, unknownTypes, retiring } = client.stream;
  return {
    node: { id: client.node.id, cluster: client.node.cluster, user_agent: client.node.userAgent },
    address: client.address,
    since: time(client.since),
    requests: client.requests,
    responses: client.responses,
    rejections: client.rejections,
    types: Object.fromEntries(
      Object.entries(types).map(([typeUrl, status]) => [SHORT_NAMES.get(typeUrl), subscriptionView(status)]),
    ),
    unknown_types: unknownTypes,
    clusters_kept_for_old_routes: retiring,
  };
}

function subscriptionView(status: SubscriptionStatus) {
  return {
    state: subscriptionState(status),
    wildcard: status.wildcard,
    names: status.names,
    names_total: status.namesTotal,
    resources_held: status.held,
    sent: { version: status.sent.version, at: time(status.sent.at) },
    accepted: { version: status.accepted.version, at: time(status.accepted.at) },
    rejected: status.rejected
      ? { version: status.rejected.version, reason: status.rejected.reason, at: time(status.rejected.at) }
      : null,
  };
}

export function subscriptionState(
  status: SubscriptionStatus,
): "nothing sent" | "rejected" | "awaiting answer" | "accepted" {
  if (status.rejected) return "rejected";
  if (status.awaiting) return "awaiting answer";
  return status.sent.at > 0 ? "accepted" : "nothing sent";
}

/** The content of the served resources; `short` and `name` narrow it. Secrets are left out. */
export function resourcesView({ snapshot }: MeshStore, short: string | null, name: string | null) {
  const found = SERVED_TYPES.flatMap((typeUrl) => {
    const type = SHORT_NAMES.get(typeUrl);
    if (short !== null && short !== type) return [];
    const resources = snapshot.types.get(typeUrl)?.resources ?? new Map<string, ServedResource>();
    return [...resources.values()]
      .filter((resource) => name === null || resource.name === name)
      .map((resource) => ({
        type,
        name: resource.name,
        version: resource.version,
        resource: resourceJson(typeUrl, resource.bytes) ?? null,
      }));
  });
  return { version: snapshot.version, resources: found };
}
