import { createRegistry, type Registry } from "@bufbuild/protobuf";
import { file_contrib_envoy_extensions_load_balancing_policies_peak_ewma_v3alpha_peak_ewma as peakEwma } from "./gen/contrib/envoy/extensions/load_balancing_policies/peak_ewma/v3alpha/peak_ewma_pb.js";
import { file_envoy_config_bootstrap_v3_bootstrap as bootstrap } from "./gen/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { file_envoy_config_cluster_v3_cluster as cluster } from "./gen/envoy/config/cluster/v3/cluster_pb.js";
import { file_envoy_config_endpoint_v3_endpoint as endpoint } from "./gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { file_envoy_config_listener_v3_listener as listener } from "./gen/envoy/config/listener/v3/listener_pb.js";
import { file_envoy_config_route_v3_route_components as routeComponents } from "./gen/envoy/config/route/v3/route_components_pb.js";
import { file_envoy_config_route_v3_route as route } from "./gen/envoy/config/route/v3/route_pb.js";
import { file_envoy_extensions_filters_http_fault_v3_fault as fault } from "./gen/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { file_envoy_extensions_filters_http_router_v3_router as router } from "./gen/envoy/extensions/filters/http/router/v3/router_pb.js";
import { file_envoy_extensions_filters_listener_http_inspector_v3_http_inspector as httpInspector } from "./gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { file_envoy_extensions_filters_listener_tls_inspector_v3_tls_inspector as tlsInspector } from "./gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager as httpConnectionManager } from "./gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { file_envoy_extensions_filters_network_tcp_proxy_v3_tcp_proxy as tcpProxy } from "./gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { file_envoy_extensions_load_balancing_policies_client_side_weighted_round_robin_v3_client_side_weighted_round_robin as clientSideWeightedRoundRobin } from "./gen/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin_pb.js";
import { file_envoy_extensions_load_balancing_policies_least_request_v3_least_request as leastRequest } from "./gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.js";
import { file_envoy_extensions_load_balancing_policies_maglev_v3_maglev as maglev } from "./gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.js";
import { file_envoy_extensions_load_balancing_policies_pick_first_v3_pick_first as pickFirst } from "./gen/envoy/extensions/load_balancing_policies/pick_first/v3/pick_first_pb.js";
import { file_envoy_extensions_load_balancing_policies_random_v3_random as random } from "./gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.js";
import { file_envoy_extensions_load_balancing_policies_ring_hash_v3_ring_hash as ringHash } from "./gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.js";
import { file_envoy_extensions_load_balancing_policies_round_robin_v3_round_robin as roundRobin } from "./gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.js";
import { file_envoy_extensions_load_balancing_policies_wrr_locality_v3_wrr_locality as wrrLocality } from "./gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.js";
import { file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts as previousHosts } from "./gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { file_envoy_extensions_transport_sockets_raw_buffer_v3_raw_buffer as rawBuffer } from "./gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";
import { file_envoy_extensions_transport_sockets_tls_v3_tls as tls } from "./gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options as httpProtocolOptions } from "./gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { file_envoy_service_discovery_v3_discovery as discovery } from "./gen/envoy/service/discovery/v3/discovery_pb.js";
import { file_udpa_type_v1_typed_struct as udpaTypedStruct } from "./gen/udpa/type/v1/typed_struct_pb.js";
import { file_xds_type_v3_typed_struct as typedStruct } from "./gen/xds/type/v3/typed_struct_pb.js";

/**
 * Every message type that is known by name: what a `google.protobuf.Any` may hold, on the wire (`type_url`) and in YAML or
 * JSON (`@type`). A type outside it is unknown to Dashpot.
 */
export const TYPES: Registry = createRegistry(
  bootstrap,
  listener,
  httpConnectionManager,
  tcpProxy,
  router,
  fault,
  httpInspector,
  tlsInspector,
  route,
  routeComponents,
  previousHosts,
  cluster,
  endpoint,
  httpProtocolOptions,
  tls,
  rawBuffer,
  roundRobin,
  leastRequest,
  random,
  ringHash,
  maglev,
  clientSideWeightedRoundRobin,
  wrrLocality,
  pickFirst,
  peakEwma,
  typedStruct,
  udpaTypedStruct,
  discovery,
);

/** The one prefix of type URLs that the xDS protocol uses. */
export const TYPE_URL_PREFIX = "type.googleapis.com/";
