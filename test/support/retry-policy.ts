import type { RetryPolicy } from "../../xds/model/route-table.ts";

/** Retries on 5xx, twice, with next to no delay. */
export const RETRY: RetryPolicy = {
  on: new Set(["5xx"]),
  numRetries: 2,
  perTryTimeoutMs: 0,
  perTryIdleTimeoutMs: 0,
  statusCodes: new Set(),
  retriableHeaders: [],
  retriableRequestHeaders: [],
  backoffBaseMs: 1,
  backoffMaxMs: 1,
  rateLimitedBackoff: undefined,
};
