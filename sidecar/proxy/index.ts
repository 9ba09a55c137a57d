export type { ListenerView } from "./listener-set.ts";
export type { DrainOptions, ProxyOptions } from "./proxy.ts";
export { createProxy, SidecarProxy } from "./proxy.ts";
export type { ProxyCounts, ProxyLimits } from "./proxy-context.ts";
export { DEFAULT_PROXY_LIMITS } from "./proxy-context.ts";
export type { CallerCounts } from "./waiting-callers.ts";
