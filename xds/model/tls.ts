import type { StringMatcher } from "./matcher.ts";

/** PEM, from a file that is read again when it changes, or from the resource itself. Never logged, never dumped. */
export type PemSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "inline"; readonly pem: string };

export interface TlsCertificate {
  readonly chain: PemSource;
  readonly privateKey: PemSource;
}

export type SanType = "dns" | "uri" | "email" | "ip";

export interface SanMatcher {
  readonly type: SanType;
  readonly matcher: StringMatcher;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface TlsParameters {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  readonly alpn: readonly string[];
  readonly certificate: TlsCertificate | undefined;
  /** Undefined on a listener: clients are not verified. Always set towards an upstream, unless unverified upstreams are allowed. */
  readonly validation: TlsValidation | undefined;
}

export interface TlsValidation {
  /** Undefined: the system's roots. */
  readonly trustedCa: PemSource | undefined;
  /** Any may match; empty: the chain alone decides. */
  readonly subjectAltNames: readonly SanMatcher[];
}

export interface UpstreamTls extends TlsParameters {
  /** SNI, <= 255 bytes; empty: none. */
  readonly sni: string;
  /** Use the endpoint's hostname (or the request's host) as SNI. */
  readonly autoHostSni: boolean;
  /** Check the certificate's SAN against the SNI. */
  readonly autoSniSanValidation: boolean;
}

export interface DownstreamTls extends TlsParameters {
  readonly requireClientCertificate: boolean;
}
