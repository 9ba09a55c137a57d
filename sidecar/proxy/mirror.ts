import { Buffer } from "node:buffer";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { RouteAction } from "../../xds/model/route-table.ts";
import type { Slot } from "../balancing/balancer.ts";
import type { RequestHead } from "../codec/head.ts";
import type { UpstreamStream } from "../codec/stream.ts";
import { drawn } from "../routing/index.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import type { ProxyContext } from "./proxy-context.ts";

/** Copies under way at once; more are not sent. */
const MAX_MIRRORS = 256;

/**
 * A copy of a request to another cluster, whose answer nobody waits for and whose failures harm nobody. Sent when the request
 * is whole, so that the copy never slows the original; a body that is not held any more is not mirrored.
 */
class Mirror implements AttemptOwner {
  readonly context: ProxyContext;
  readonly grpc = false;
  readonly tunnels = false;
  readonly hash = undefined;
  readonly tried: readonly Slot[] = [];
  readonly #head: RequestHead;
  readonly #body: Buffer;
  #done = false;

  constructor(context: ProxyContext, head: RequestHead, body: Buffer) {
    this.context = context;
    this.#head = head;
    this.#body = body;
  }

  send(clusterName: string): void {
    const cluster = this.context.clusters.get(clusterName);
    if (!cluster?.breakers.default.admitsRequest()) return;
    const attempt = new Attempt(this, cluster, cluster.breakers.default, 0);
    this.context.counts.mirrors++;
    if (attempt.pick()) attempt.connect();
    else this.#finish(attempt);
  }

  onAttemptReady(_attempt: Attempt, stream: UpstreamStream): void {
    if (this.#body.length > 0) stream.sendMessage(this.#head, this.#body);
    else stream.sendHead(this.#head, true);
  }

  onAttemptFailed(attempt: Attempt): void {
    this.#finish(attempt);
  }

  onAttemptInformational(): void {}

  onAttemptResponse(): void {}

  onAttemptTunnel(): void {}

  onAttemptData(): void {}

  onAttemptEnd(attempt: Attempt): void {
    this.#finish(attempt);
  }

  onAttemptDrain(): void {}

  #finish(attempt: Attempt): void {
    if (this.#done) return;
    this.#done = true;
    attempt.cancel(proxyError(ERRORS.internal, "the mirror is over"));
    this.context.counts.mirrors--;
    this.context.evidence.give(attempt.evidence);
  }
}

/** Sends the copies that a route asks for. The host says that it is one, as Envoy marks it: `-shadow`. */
export function sendMirrors(
  context: ProxyContext,
  mirrors: RouteAction["mirrors"],
  head: RequestHead,
  chunks: readonly Buffer[],
): void {
  for (const { cluster, fraction } of mirrors) {
    if (context.counts.mirrors >= MAX_MIRRORS || !drawn(fraction, context.random)) continue;
    const body = Buffer.concat(chunks);
    const copy: RequestHead = {
      ...head,
      fields: [...head.fields],
      authority: shadowAuthority(head.authority),
      upgrade: "",
      expectContinue: false,
      framing: body.length > 0 ? "length" : "none",
      contentLength: body.length > 0 ? body.length : -1,
    };
    new Mirror(context, copy, body).send(cluster);
  }
}

function shadowAuthority(authority: string): string {
  const port = /:\d+$/.exec(authority)?.[0] ?? "";
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}
