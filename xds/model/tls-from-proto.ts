import {
  type CertificateValidationContext,
  CertificateValidationContextSchema,
  type SubjectAltNameMatcher,
  type TlsParameters as TlsParametersProto,
  TlsParametersSchema,
  CertificateValidationContext_TrustChainVerification as TrustChainVerification,
} from "../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContext,
  CommonTlsContextSchema,
  type DownstreamTlsContext,
  DownstreamTlsContextSchema,
  type UpstreamTlsContext,
  UpstreamTlsContextSchema,
} from "../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { certificateOf, pemOf } from "./certificate-from-proto.ts";
import { fieldCheck } from "./field-rules.ts";
import { stringMatcherOf } from "./matcher-from-proto.ts";
import { textOf } from "./scalars.ts";
import type { Scope } from "./scope.ts";
import type {
  DownstreamTls,
  SanMatcher,
  SanType,
  TlsParameters,
  TlsValidation,
  TlsVersion,
  UpstreamTls,
} from "./tls.ts";

const NO_SECRETS = "is not supported: give the certificate here, inline or by file name";
const NO_PROVIDER = "names a certificate provider, and this sidecar has none";
const WEAKER = "is not supported: without it the check of the peer would be weaker";

const ONLY_SAFE_VERSIONS = "TLS 1.2 and 1.3";

const checkUpstream = fieldCheck(UpstreamTlsContextSchema, {
  honoured: ["common_tls_context", "sni", "auto_host_sni", "auto_sni_san_validation"],
  harmless: ["allow_renegotiation", "max_session_keys", "enforce_rsa_key_usage"],
});
const checkDownstream = fieldCheck(DownstreamTlsContextSchema, {
  honoured: ["common_tls_context", "require_client_certificate"],
  harmless: ["session_timeout", "prefer_client_ciphers", "full_scan_certs_on_sni_mismatch"],
  refused: {
    require_sni: "is not supported: connections without SNI would be accepted",
    ocsp_staple_policy: "must be LENIENT_STAPLING: OCSP responses are not stapled",
  },
});
const checkCommon = fieldCheck(CommonTlsContextSchema, {
  honoured: ["tls_params", "validation_context", "alpn_protocols"],
  partly: { tls_certificates: "one", combined_validation_context: "only `default_validation_context`" },
  refused: {
    tls_certificate_sds_secret_configs: NO_SECRETS,
    validation_context_sds_secret_config: NO_SECRETS,
    tls_certificate_provider_instance: NO_PROVIDER,
    tls_certificate_certificate_provider: NO_PROVIDER,
    tls_certificate_certificate_provider_instance: NO_PROVIDER,
    validation_context_certificate_provider: NO_PROVIDER,
    validation_context_certificate_provider_instance: NO_PROVIDER,
    custom_tls_certificate_selector: "is not supported",
    custom_handshaker: "is not supported",
    key_log: "is not supported: it would write the keys of every connection to a file",
  },
});
const checkParameters = fieldCheck(TlsParametersSchema, {
  honoured: [],
  partly: {
    tls_minimum_protocol_version: ONLY_SAFE_VERSIONS,
    tls_maximum_protocol_version: ONLY_SAFE_VERSIONS,
  },
  refused: {
    cipher_suites: "is not supported: Node's own list is used; leave it out",
    compliance_policies: "is not supported",
  },
});
const checkValidation = fieldCheck(CertificateValidationContextSchema, {
  honoured: ["trusted_ca", "system_root_certs", "match_typed_subject_alt_names"],
  partly: {
    trust_chain_verification: "`VERIFY_TRUST_CHAIN`, unless the sidecar allows unverified upstreams",
  },
  harmless: ["watched_directory"],
  refused: {
    ca_certificate_provider_instance: NO_PROVIDER,
    verify_certificate_spki: WEAKER,
    verify_certificate_hash: WEAKER,
    match_subject_alt_names: "is not supported: use match_typed_subject_alt_names",
    require_signed_certificate_timestamp: WEAKER,
    crl: WEAKER,
    only_verify_leaf_cert_crl: WEAKER,
    custom_validator_config: WEAKER,
    max_verify_depth: WEAKER,
    allow_expired_certificate: "is not supported: expired certificates are always refused",
  },
});

/** gRFC A101. */
const MAX_SNI_BYTES = 255;

/** Undefined after noting a problem, as every reader here. */
export function upstreamTlsOf(scope: Scope, context: UpstreamTlsContext): UpstreamTls | undefined {
  checkUpstream(scope, context);
  const common = scope.at("common_tls_context");
  const parameters = parametersOf(common, context.commonTlsContext);
  if (Buffer.byteLength(context.sni) > MAX_SNI_BYTES)
    scope.at("sni").error(`must be at most ${MAX_SNI_BYTES} bytes long`);
  const unverified = context.commonTlsContext?.validationContextType.case === undefined;
  if (unverified && !scope.context.allowUnverifiedUpstream) {
    common
      .at("validation_context")
      .error(
        "is required: without it nobody checks who answers; the sidecar may allow that (allow_unverified_upstream)",
      );
  }
  const { sni, autoHostSni, autoSniSanValidation } = context;
  return { ...parameters, sni, autoHostSni, autoSniSanValidation };
}

export function downstreamTlsOf(scope: Scope, context: DownstreamTlsContext): DownstreamTls | undefined {
  checkDownstream(scope, context);
  const common = scope.at("common_tls_context");
  const parameters = parametersOf(common, context.commonTlsContext);
  const requireClientCertificate = context.requireClientCertificate ?? false;
  if (requireClientCertificate && parameters.validation === undefined) {
    common.at("validation_context").error("is required where require_client_certificate is true");
  }
  if ((context.commonTlsContext?.tlsCertificates.length ?? 0) === 0) {
    common.at("tls_certificates").error("must hold the listener's certificate");
  }
  return { ...parameters, requireClientCertificate };
}

function parametersOf(scope: Scope, common: CommonTlsContext | undefined): TlsParameters {
  if (common === undefined) {
    return { ...versionsOf(scope, undefined), alpn: [], certificate: undefined, validation: undefined };
  }
  checkCommon(scope, common);
  if (common.tlsCertificates.length > 1) scope.at("tls_certificates").error("may hold one certificate");
  const [certificate] = common.tlsCertificates;
  return {
    ...versionsOf(scope.at("tls_params"), common.tlsParams),
    alpn: common.alpnProtocols.map((protocol, index) =>
      textOf(scope.at("alpn_protocols"), index, protocol, "required"),
    ),
    certificate: certificate && certificateOf(scope.at("tls_certificates").at(0), certificate),
    validation: validationOf(scope, common),
  };
}

const VERSIONS = [undefined, undefined, undefined, "TLSv1.2", "TLSv1.3"] as const;

/** TLS_AUTO leaves the choice to this side: 1.2 to 1.3. */
function versionsOf(
  scope: Scope,
  params: TlsParametersProto | undefined,
): { minVersion: TlsVersion; maxVersion: TlsVersion } {
  if (params === undefined) return { minVersion: "TLSv1.2", maxVersion: "TLSv1.3" };
  checkParameters(scope, params);
  const minVersion = versionOf(
    scope,
    "tls_minimum_protocol_version",
    params.tlsMinimumProtocolVersion,
    "TLSv1.2",
  );
  const maxVersion = versionOf(
    scope,
    "tls_maximum_protocol_version",
    params.tlsMaximumProtocolVersion,
    "TLSv1.3",
  );
  if (minVersion > maxVersion) scope.error("must not have a minimum version over the maximum version");
  return { minVersion, maxVersion };
}

function versionOf(scope: Scope, field: string, version: number, fallback: TlsVersion): TlsVersion {
  if (version === 0) return fallback;
  const known = VERSIONS[version];
  if (known === undefined)
    scope.at(field).error("must be TLSv1_2, TLSv1_3 or TLS_AUTO: older versions are broken");
  return known ?? fallback;
}

function validationOf(scope: Scope, common: CommonTlsContext): TlsValidation | undefined {
  const context = common.validationContextType;
  switch (context.case) {
    case "validationContext":
      return validationContextOf(scope.at("validation_context"), context.value);
    case "combinedValidationContext": {
      const combined = scope.at("combined_validation_context");
      const { defaultValidationContext: own, validationContextSdsSecretConfig: secret } = context.value;
      if (secret !== undefined) combined.at("validation_context_sds_secret_config").error(NO_SECRETS);
      if (own === undefined) combined.at("default_validation_context").error("is required");
      return own && validationContextOf(combined.at("default_validation_context"), own);
    }
    default:
      return undefined;
  }
}

function validationContextOf(scope: Scope, context: CertificateValidationContext): TlsValidation | undefined {
  checkValidation(scope, context);
  const unverified = context.trustChainVerification !== TrustChainVerification.VERIFY_TRUST_CHAIN;
  if (unverified && !scope.context.allowUnverifiedUpstream) {
    scope
      .at("trust_chain_verification")
      .error("must be VERIFY_TRUST_CHAIN; the sidecar may allow more (allow_unverified_upstream)");
  }
  if (unverified) return undefined;
  const subjectAltNames = context.matchTypedSubjectAltNames
    .map((matcher, index) => sanMatcherOf(scope.at("match_typed_subject_alt_names").at(index), matcher))
    .filter((matcher) => matcher !== undefined);
  if (context.systemRootCerts !== undefined) return { trustedCa: undefined, subjectAltNames };
  const trustedCa = pemOf(scope.at("trusted_ca"), context.trustedCa);
  return trustedCa && { trustedCa, subjectAltNames };
}

const SAN_TYPES: readonly (SanType | undefined)[] = [undefined, "email", "dns", "uri", "ip"];

function sanMatcherOf(scope: Scope, message: SubjectAltNameMatcher): SanMatcher | undefined {
  const type = SAN_TYPES[message.sanType];
  if (type === undefined) scope.at("san_type").error("must be EMAIL, DNS, URI or IP_ADDRESS");
  const matcher = stringMatcherOf(scope.at("matcher"), message.matcher);
  return type && matcher && { type, matcher };
}
