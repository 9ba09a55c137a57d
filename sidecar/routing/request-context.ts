import type { RequestHead } from "../codec/head.ts";

/**
 * What header mutations, redirects and hash policies may ask about a request. The exchange itself satisfies
 * this: nothing is copied. Texts are empty where the answer is not known yet.
 */
export interface RequestContext {
  /** The request as it now stands. */
  readonly head: RequestHead;
  /** `address:port` of the caller, with brackets for IPv6. */
  readonly remoteAddress: string;
  /** `address:port` that the caller connected to. */
  readonly localAddress: string;
  readonly requestId: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtWall: number;
  readonly routeName: string;
  readonly cluster: string;
  /** `address:port` of the endpoint. */
  readonly upstreamAddress: string;
  /** The endpoint's hostname, or its address where it has none. */
  readonly upstreamHost: string;
  readonly responseFlags: string;
}
