import tls from "node:tls";
import type { Logger } from "../../xds/common/logger.ts";
import type { DownstreamTls } from "../../xds/model/tls.ts";
import { PemFiles, readPem } from "../upstream/pem-files.ts";
import { matchesSubject, subjectAltNames } from "../upstream/subject-alt-names.ts";
import type { ProxyContext } from "./proxy-context.ts";
import type { WaitingCallers } from "./waiting-callers.ts";

/** A caller that does not finish its handshake within this is dropped. */
const HANDSHAKE_MS = 10_000;

/** TLS on a listener: its server options, kept in step with the files they come from. */
export class ListenerTls {
  readonly #settings: DownstreamTls;
  readonly #logger: Logger;
  readonly #callers: WaitingCallers;
  readonly #files: PemFiles;
  /** Why the files as they are now cannot be used; empty: they are in use. */
  failure = "";

  constructor(settings: DownstreamTls, { clock, logger, callers }: ProxyContext) {
    const { certificate, validation } = settings;
    this.#settings = settings;
    this.#logger = logger;
    this.#callers = callers;
    this.#files = new PemFiles([certificate?.chain, certificate?.privateKey, validation?.trustedCa], () =>
      clock.now(),
    );
  }

  /** @throws when the files cannot be read or used. */
  createServer(onConnection: (socket: tls.TLSSocket) => void): tls.Server {
    const { alpn, requireClientCertificate, validation } = this.#settings;
    this.#files.changed();
    const server = tls.createServer({
      ...this.#secrets(),
      ALPNProtocols: alpn.length > 0 ? [...alpn] : ["http/1.1"],
      requestCert: validation !== undefined,
      rejectUnauthorized: requireClientCertificate,
      handshakeTimeout: HANDSHAKE_MS,
      noDelay: true,
    });
    // Each connection comes to one of the two ends below, at the latest by the handshake's timeout.
    server.on("connection", (socket) => {
      this.#refresh(server);
      this.#callers.onHandshake(socket);
    });
    server.on("tlsClientError", (_error, socket) => {
      this.#callers.onHandshakeEnd();
      socket.destroy();
    });
    server.on("secureConnection", (socket) => {
      this.#callers.onHandshakeEnd();
      // Not before: half-open, who leaves within the handshake would be waited for until its timeout.
      socket.allowHalfOpen = true;
      if (this.#admits(socket)) onConnection(socket);
      else socket.destroy();
    });
    return server;
  }

  /** A certificate that came and is not trusted counts as none at all: Envoy refuses it too. */
  #admits(socket: tls.TLSSocket): boolean {
    const { validation, requireClientCertificate } = this.#settings;
    const certificate = socket.getPeerX509Certificate();
    if (!validation || !certificate) return !requireClientCertificate;
    if (!socket.authorized) return false;
    const { subjectAltNames: wanted } = validation;
    return wanted.length === 0 || matchesSubject(wanted, subjectAltNames(certificate));
  }

  #refresh(server: tls.Server): void {
    if (!this.#files.changed()) return;
    try {
      server.setSecureContext(this.#secrets());
      this.failure = "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.failure = `the new TLS files cannot be used, the last good ones stay: ${reason}`;
      this.#logger.error(this.failure);
    }
  }

  #secrets(): tls.SecureContextOptions {
    const { certificate, validation, minVersion, maxVersion } = this.#settings;
    return {
      minVersion,
      maxVersion,
      ...(validation?.trustedCa ? { ca: readPem(validation.trustedCa) } : {}),
      ...(certificate ? { cert: readPem(certificate.chain), key: readPem(certificate.privateKey) } : {}),
    };
  }
}
