import { readFileSync } from "node:fs";
import { ChannelCredentials } from "@grpc/grpc-js";
import type { PemSource, TlsCertificate } from "../model/tls.ts";

/** How to reach a control server: what gRPC calls an entry of `xds_servers`. */
export interface XdsServer {
  /** A gRPC target: `host:port`, `ipv4:a:p,b:p`, `dns:///name:port`. */
  readonly target: string;
  /** Undefined: plain text. */
  readonly tls: XdsServerTls | undefined;
}

export interface XdsServerTls {
  /** Undefined: the system's roots. */
  readonly trustedCa: PemSource | undefined;
  readonly certificate: TlsCertificate | undefined;
  /** The name that the certificate must be for; empty: the target's. */
  readonly serverName: string;
}

/** Reads the files anew at each call, so that a rotated certificate is used from the next connection on. Throws what reading throws. */
export function channelCredentials(tls: XdsServerTls | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const { trustedCa, certificate } = tls;
  return ChannelCredentials.createSsl(
    trustedCa === undefined ? null : pem(trustedCa),
    certificate === undefined ? null : pem(certificate.privateKey),
    certificate === undefined ? null : pem(certificate.chain),
  );
}

function pem(source: PemSource): Buffer {
  return source.kind === "file" ? readFileSync(source.path) : Buffer.from(source.pem);
}
