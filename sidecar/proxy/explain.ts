import type { Hash64 } from "../../xds/common/xxhash64.ts";
import { NO_SLOT } from "../balancing/balancer.ts";
import { Evidence, PICK_REASON_NAMES } from "../balancing/evidence.ts";
import type { RequestHead } from "../codec/head.ts";
import { clusterOf, normalizeTarget, type RequestContext, requestHash } from "../routing/index.ts";
import { candidatesOf } from "../telemetry/decision.ts";
import type { ExplainRequest, Explanation } from "../telemetry/explanation.ts";
import { exclusions, type Pick, pickSentence } from "../telemetry/sentence.ts";
import type { ClusterSet } from "../upstream/cluster-set.ts";
import type { UpstreamCluster } from "../upstream/upstream-cluster.ts";
import type { HttpRoutes } from "./http-routes.ts";

/** Who asks stands beside the sidecar, as its application does. */
const LOOPBACK = "127.0.0.1:0";

const NOWHERE = {
  action: "none",
  cluster: "",
  policy: "",
  reason: "none",
  chosen: "",
  candidates: [],
  eligible: 0,
  total: 0,
  excluded: [],
} as const;

/** What would become of a request now: the route it would take and the pick it would get. Nothing is sent. */
export function explain(
  request: ExplainRequest,
  routes: HttpRoutes | undefined,
  clusters: ClusterSet,
): Explanation {
  const listener = routes?.listener ?? request.listener;
  if (!routes) {
    const which = request.listener === "" ? "takes HTTP" : `is named "${request.listener}" and takes HTTP`;
    return { ...NOWHERE, listener, route: "", sentence: `there is no listener that ${which}` };
  }
  const head = headOf(request);
  const normalized = normalizeTarget(head.target, routes.filter);
  if ("target" in normalized) head.target = normalized.target;
  const route = routes.table.route(head, LOOPBACK);
  if (!route) {
    const sentence = `no route of ${routes.table.name} matches ${request.method} ${request.authority}${request.target}: 404`;
    return { ...NOWHERE, listener, route: "", sentence };
  }
  const { action, name } = route;
  if (action.kind !== "forward") {
    const verb = action.kind === "redirect" ? "is redirected" : "is answered by the sidecar itself";
    return {
      ...NOWHERE,
      action: action.kind,
      listener,
      route: name,
      sentence: `route ${name}: the request ${verb} with ${action.status}`,
    };
  }
  const clusterName = clusterOf(action, contextOf(head, name));
  const cluster = clusters.get(clusterName);
  if (!cluster) {
    const sentence = `route ${name} leads to cluster "${clusterName}", which is not known: ${action.clusterNotFoundStatus}`;
    return { ...NOWHERE, action: "forward", listener, route: name, cluster: clusterName, sentence };
  }
  const hash = requestHash(action.hashPolicy, contextOf(head, name));
  return { action: "forward", listener, route: name, cluster: clusterName, ...dryPick(cluster, hash) };
}

function dryPick(
  cluster: UpstreamCluster,
  hash: Hash64 | undefined,
): Omit<Explanation, "action" | "listener" | "route" | "cluster"> {
  const { balancer, name, policy } = cluster;
  const evidence = new Evidence();
  const slot = balancer.pick({ hash, tried: [] }, evidence);
  const pick: Pick = {
    evidence,
    address: slot === NO_SLOT ? "" : balancer.address(slot),
    candidateAddresses: () =>
      Array.from(evidence.slots.subarray(0, evidence.count), (s) => balancer.address(s)),
  };
  return {
    policy,
    reason: PICK_REASON_NAMES[evidence.reason],
    chosen: pick.address,
    candidates: candidatesOf(pick),
    eligible: evidence.eligible,
    total: evidence.total,
    excluded: exclusions(evidence),
    sentence: pickSentence(pick, name),
  };
}

function headOf({ method, target, authority, headers }: ExplainRequest): RequestHead {
  return {
    method,
    target,
    authority,
    scheme: "http",
    version: 1,
    fields: headers.flat(),
    framing: "none",
    contentLength: -1,
    keepAlive: true,
    upgrade: "",
    expectContinue: false,
    acceptsTrailers: false,
  };
}

function contextOf(head: RequestHead, routeName: string): RequestContext {
  return {
    head,
    remoteAddress: LOOPBACK,
    localAddress: "",
    requestId: "",
    startedAtWall: 0,
    routeName,
    cluster: "",
    upstreamAddress: "",
    upstreamHost: "",
    responseFlags: "",
  };
}
