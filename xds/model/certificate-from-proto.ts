import { createPrivateKey, X509Certificate } from "node:crypto";
import { isAbsolute, relative, resolve } from "node:path";
import type { DataSource } from "../proto/gen/envoy/config/core/v3/base_pb.js";
import {
  type TlsCertificate as TlsCertificateProto,
  TlsCertificateSchema,
} from "../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import { fieldCheck } from "./field-rules.ts";
import { textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";
import type { PemSource, TlsCertificate } from "./tls.ts";

const checkCertificate = fieldCheck(TlsCertificateSchema, {
  honoured: ["certificate_chain", "private_key"],
  harmless: ["watched_directory"],
  refused: {
    pkcs12: "is not supported: give certificate_chain and private_key as PEM",
    private_key_provider: "is not supported: give private_key as PEM",
    password: "is not supported: give private_key as PEM without a password",
  },
});
/** Undefined after noting a problem. */
export function certificateOf(scope: Scope, message: TlsCertificateProto): TlsCertificate | undefined {
  checkCertificate(scope, message);
  const chain = pemOf(scope.at("certificate_chain"), message.certificateChain);
  const privateKey = pemOf(scope.at("private_key"), message.privateKey);
  if (chain === undefined || privateKey === undefined) return undefined;
  if (chain.kind === "inline" && privateKey.kind === "inline") checkPair(scope, chain.pem, privateKey.pem);
  return { chain, privateKey };
}

/** What can be known before use is told before use. Nothing of the key may reach a message, so the causes stay unsaid. */
function checkPair(scope: Scope, chain: string, privateKey: string): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(chain);
  } catch {
    scope.at("certificate_chain").error("does not hold a certificate in PEM");
    return;
  }
  try {
    if (certificate.checkPrivateKey(createPrivateKey(privateKey))) return;
    scope.at("private_key").error("does not belong to the certificate");
  } catch {
    scope.at("private_key").error("does not hold a private key in PEM");
  }
}

export function pemOf(scope: Scope, source: DataSource | undefined): PemSource | undefined {
  const specifier = source?.specifier;
  switch (specifier?.case) {
    case "filename":
      return mayRead(scope, specifier.value) ? { kind: "file", path: specifier.value } : undefined;
    case "inlineBytes":
      return { kind: "inline", pem: Buffer.from(specifier.value).toString() };
    case "inlineString":
      return { kind: "inline", pem: specifier.value };
    case "environmentVariable":
      scope.at("environment_variable").error("is not supported: use filename, inline_string or inline_bytes");
      return undefined;
    default:
      scope.error("is required: filename, inline_string or inline_bytes");
      return undefined;
  }
}

/** A control plane must not make this process read any file it likes; the operator's own configuration may. */
function mayRead(scope: Scope, path: string): boolean {
  textOf(scope, "filename", path, "required");
  if (scope.context.origin === "static") return path !== "";
  const allowed = scope.context.certificateDirectories.some((directory) => isInside(directory, path));
  if (!allowed)
    scope
      .at("filename")
      .error(
        "must be an absolute path inside the directories that the sidecar allows (certificate_directories)",
      );
  return allowed;
}

function isInside(directory: string, path: string): boolean {
  if (!isAbsolute(path)) return false;
  const way = relative(resolve(directory), resolve(path));
  return way !== "" && way !== ".." && !way.startsWith("../") && !isAbsolute(way);
}
