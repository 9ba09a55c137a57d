import { Buffer } from "node:buffer";
import { ERRORS, proxyError } from "../../xds/common/errors.ts";
import type { Expiring } from "../../xds/common/timer-wheel.ts";
import { WheelTimer } from "../../xds/common/timer-wheel.ts";
import type { RouteAction } from "../../xds/model/route-table.ts";
import type { Slot } from "../balancing/balancer.ts";
import type { RequestHead } from "../codec/head.ts";
import type { UpstreamStream } from "../codec/stream.ts";
import { drawn } from "../routing/index.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import type { ProxyContext } from "./proxy-context.ts";

/** Copies under way at once; more are not sent. */
const MAX_MIRRORS = 256;
/** How long a copy may take whose route sets no bound: Envoy's default for routes, ms. Nobody else would end it. */
const LONGEST_MS = 15_000;

/**
 * A copy of a request to another cluster, whose answer nobody waits for and whose failures harm nobody. Sent when the request
 * is whole, so that the copy never slows the original; a body that is not held any more is not mirrored.
 */
class Mirror implements AttemptOwner, Expiring {
  readonly context: ProxyContext;
  readonly grpc = false;
  readonly tunnels = false;
  readonly hash = undefined;
  readonly tried: readonly Slot[] = [];
  readonly #head: RequestHead;
  readonly #body: Buffer;
  readonly #timer = new WheelTimer(this);
  readonly #timeoutMs: number;
  #attempt: Attempt | undefined;

  constructor(context: ProxyContext, head: RequestHead, body: Buffer, timeoutMs: number) {
    this.context = context;
    this.#timeoutMs = timeoutMs > 0 ? timeoutMs : LONGEST_MS;
    this.#head = head;
    this.#body = body;
  }

  send(clusterName: string): void {
    const cluster = this.context.clusters.get(clusterName);
    if (!cluster?.breakers.default.admitsRequest()) {
      this.context.counts.mirrorsDropped++;
      return;
    }
    const attempt = new Attempt(this, cluster, cluster.breakers.default, 0);
    this.#attempt = attempt;
    this.context.counts.mirrors++;
    this.context.wheel.arm(this.#timer, this.#timeoutMs);
    if (attempt.pick()) attempt.connect();
    else this.#finish();
  }

  onExpired(): void {
    const detail = `no whole response to the mirrored request within ${this.#timeoutMs} ms`;
    this.#attempt?.cancel(proxyError(ERRORS.routeTimeout, detail));
    this.#finish();
  }

  onAttemptReady(_attempt: Attempt, stream: UpstreamStream): void {
    if (this.#body.length > 0) stream.sendMessage(this.#head, this.#body);
    else stream.sendHead(this.#head, true);
  }

  onAttemptFailed(): void {
    this.#finish();
  }

  onAttemptInformational(): void {}

  onAttemptResponse(): void {}

  onAttemptTunnel(): void {}

  onAttemptData(): void {}

  onAttemptEnd(): void {
    this.#finish();
  }

  onAttemptDrain(): void {}

  #finish(): void {
    const attempt = this.#attempt;
    if (!attempt) return;
    this.#attempt = undefined;
    this.context.wheel.disarm(this.#timer);
    attempt.cancel(proxyError(ERRORS.internal, "the mirror is over"));
    this.context.counts.mirrors--;
    this.context.evidence.give(attempt.evidence);
  }
}

/** Sends the copies that a route asks for, each for as long as the route gives a response. The host says that it is one, as Envoy marks it: `-shadow`. */
export function sendMirrors(
  context: ProxyContext,
  { mirrors, timeoutMs }: Pick<RouteAction, "mirrors" | "timeoutMs">,
  head: RequestHead,
  chunks: readonly Buffer[],
): void {
  for (const { cluster, fraction } of mirrors) {
    if (!drawn(fraction, context.random)) continue;
    if (context.counts.mirrors >= MAX_MIRRORS) {
      context.counts.mirrorsDropped++;
      continue;
    }
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
    new Mirror(context, copy, body, timeoutMs).send(cluster);
  }
}

function shadowAuthority(authority: string): string {
  const port = /:\d+$/.exec(authority)?.[0] ?? "";
  return `${authority.slice(0, authority.length - port.length)}-shadow${port}`;
}
