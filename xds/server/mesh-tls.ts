import type { JsonObject } from "@bufbuild/protobuf";
import type { Fields } from "../common/fields.ts";
import { defined, type Origin, wrapped } from "./mesh-draft.ts";

/** TLS towards the endpoints. Keys and certificates are named as files: they never pass through the control server. */
export function readTls(service: Fields, origins: Origin[]): JsonObject | undefined {
  const tls = service.mapping("tls");
  if (!tls) return undefined;
  origins.push({ inResource: "transport_socket", inFile: service.at("tls") });
  const ca = tls.nonEmptyString("ca_file", 4096);
  const certificate = tls.nonEmptyString("certificate_file", 4096);
  const key = tls.nonEmptyString("private_key_file", 4096);
  const names = tls.strings("subject_alt_names", 64)?.map((name) => ({
    san_type: name.includes("://") ? "URI" : "DNS",
    matcher: { exact: name },
  }));
  if ((certificate === undefined) !== (key === undefined)) {
    tls.error(
      certificate === undefined ? "private_key_file" : "certificate_file",
      'needs both "certificate_file" and "private_key_file"',
    );
  }
  const sni = tls.nonEmptyString("sni", 255);
  if (ca === undefined && sni === undefined && names === undefined) {
    const reason =
      'needs "ca_file", "sni" or "subject_alt_names": else any certificate of any public CA would do';
    service.error("tls", reason);
  }
  const context = defined({
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    sni,
    // Without names of its own the certificate must be for the name that was asked for.
    auto_sni_san_validation: sni !== undefined && names === undefined ? true : undefined,
    common_tls_context: defined({
      tls_certificates: wrapped(certificate, () => [
        { certificate_chain: { filename: certificate! }, private_key: { filename: key ?? "" } },
      ]),
      validation_context: defined({
        ...(ca === undefined ? { system_root_certs: {} } : { trusted_ca: { filename: ca } }),
        match_typed_subject_alt_names: names,
      }),
    }),
  });
  tls.close();
  return { name: "envoy.transport_sockets.tls", typed_config: context };
}
