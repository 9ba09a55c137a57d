export { type AdminOptions, type AdminServer, startAdmin } from "./admin-server.ts";
export type { AdminSources, Identity, ServerState } from "./sources.ts";
