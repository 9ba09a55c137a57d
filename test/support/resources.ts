import type { JsonValue } from "@bufbuild/protobuf";
import { CLUSTER } from "../../xds/model/cluster-from-proto.ts";
import { CLUSTER_LOAD_ASSIGNMENT } from "../../xds/model/endpoints-from-proto.ts";
import { LISTENER } from "../../xds/model/listener-from-proto.ts";
import type { ResourceType } from "../../xds/model/resource-type.ts";
import { ROUTE_CONFIGURATION } from "../../xds/model/routes-from-proto.ts";
import type { AnyResource } from "../../xds/protocol/client-response.ts";

/** Serialised xDS resources as a control server sends them. */

export const CDS = CLUSTER.typeUrl;
export const EDS = CLUSTER_LOAD_ASSIGNMENT.typeUrl;
export const LDS = LISTENER.typeUrl;
export const RDS = ROUTE_CONFIGURATION.typeUrl;

function serialise(type: ResourceType<unknown>, json: JsonValue): AnyResource {
  const { bytes, problems } = type.encode(json);
  if (bytes === undefined) throw new Error(JSON.stringify(problems));
  return { typeUrl: type.typeUrl, value: bytes };
}

const ads = { ads: {}, resource_api_version: "V3" };

export function edsCluster(name: string, fields: Record<string, JsonValue> = {}): AnyResource {
  return serialise(CLUSTER, { name, type: "EDS", eds_cluster_config: { eds_config: ads }, ...fields });
}

export function endpoints(cluster: string, ...ports: number[]): AnyResource {
  const lbEndpoints = ports.map((port) => ({
    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
  }));
  return serialise(CLUSTER_LOAD_ASSIGNMENT, {
    cluster_name: cluster,
    endpoints: [{ lb_endpoints: lbEndpoints }],
  });
}

export function rdsListener(name: string, routes: string, port = 15_001): AnyResource {
  return serialise(LISTENER, {
    name,
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type":
                "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              stat_prefix: name,
              rds: { route_config_name: routes, config_source: ads },
              http_filters: [
                {
                  name: "envoy.filters.http.router",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  });
}

export function routes(name: string, cluster: string): AnyResource {
  return serialise(ROUTE_CONFIGURATION, {
    name,
    virtual_hosts: [
      { name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster } }] },
    ],
  });
}
