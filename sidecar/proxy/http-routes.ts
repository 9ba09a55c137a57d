import type { HttpFilter } from "../../xds/model/listener.ts";
import type { RequestOptions } from "../codec/request-reader.ts";
import type { CompiledTable } from "../routing/index.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { ViaHops } from "./request-fields.ts";

/** What a listener's requests are routed by at the moment: replaced as a whole, so that an exchange keeps what it began with. */
export interface HttpRoutes {
  readonly context: ProxyContext;
  readonly listener: string;
  readonly filter: HttpFilter;
  /** How requests are read, by the filter and the process's limits. */
  readonly reading: RequestOptions;
  readonly via: ViaHops;
  readonly table: CompiledTable;
  /** Version of the route table. */
  readonly version: string;
}
