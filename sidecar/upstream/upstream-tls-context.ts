import { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import tls from "node:tls";
import type { Clock } from "../../xds/common/clock.ts";
import type { Logger } from "../../xds/common/logger.ts";
import type { UpstreamTls } from "../../xds/model/tls.ts";
import { PemFiles, readPem } from "./pem-files.ts";
import { coversHost, matchesSubject, subjectAltNames } from "./subject-alt-names.ts";

/** TLS towards the endpoints of one cluster. Certificates are read again when their files change; a bad new one leaves the old in use. */
export class UpstreamTlsContext {
  readonly #settings: UpstreamTls;
  readonly #logger: Logger;
  readonly #files: PemFiles;
  #secure: tls.SecureContext | undefined;

  constructor(settings: UpstreamTls, clock: Clock, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    const { certificate, validation } = settings;
    this.#files = new PemFiles([certificate?.chain, certificate?.privateKey, validation?.trustedCa], () =>
      clock.now(),
    );
  }

  /**
   * Begins the handshake on a socket that is connected or about to be. `protocols` are offered by ALPN in place of the settings'.
   * @throws when no context could ever be made.
   */
  wrap(socket: Socket, hostname: string, protocols = this.#settings.alpn): tls.TLSSocket {
    const { validation, sni, autoHostSni } = this.#settings;
    const name = autoHostSni && hostname !== "" ? hostname : sni;
    return tls.connect({
      socket,
      secureContext: this.#context(),
      rejectUnauthorized: validation !== undefined,
      ALPNProtocols: protocols.length > 0 ? [...protocols] : ["http/1.1"],
      // An IP literal is no server name (RFC 6066, 3).
      ...(name !== "" && isIP(name) === 0 ? { servername: name } : {}),
      checkServerIdentity: (_host, certificate) => this.#check(name, certificate),
    });
  }

  #context(): tls.SecureContext {
    if (this.#secure && !this.#files.changed()) return this.#secure;
    if (!this.#secure) this.#files.changed();
    try {
      this.#secure = this.#create();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#secure) throw new Error(`the TLS context cannot be made: ${reason}`);
      this.#logger.error({ reason }, "the new TLS files cannot be used; the last good ones stay");
    }
    return this.#secure;
  }

  #create(): tls.SecureContext {
    const { certificate, validation, minVersion, maxVersion } = this.#settings;
    return tls.createSecureContext({
      minVersion,
      maxVersion,
      ...(validation?.trustedCa ? { ca: readPem(validation.trustedCa) } : {}),
      ...(certificate ? { cert: readPem(certificate.chain), key: readPem(certificate.privateKey) } : {}),
    });
  }

  /** The chain was verified already; this is about the name. */
  #check(name: string, certificate: tls.PeerCertificate): Error | undefined {
    const { validation, autoSniSanValidation } = this.#settings;
    if (!validation) return undefined;
    const names = subjectAltNames(new X509Certificate(certificate.raw));
    if (validation.subjectAltNames.length > 0 && !matchesSubject(validation.subjectAltNames, names)) {
      return nameError(`none of its names is allowed by match_typed_subject_alt_names`);
    }
    const covered = names.some(({ type, value }) =>
      type === "dns" ? coversHost(value, name) : type === "ip" && value === name,
    );
    if (autoSniSanValidation && !covered) return nameError(`it is not for ${name}`);
    return undefined;
  }
}

function nameError(what: string): Error {
  return Object.assign(new Error(`the certificate is refused: ${what}`), {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
}
