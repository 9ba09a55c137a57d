import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import type { JsonObject } from "@bufbuild/protobuf";
import { CLUSTER } from "../../../xds/model/cluster-from-proto.ts";
import { LISTENER } from "../../../xds/model/listener-from-proto.ts";
import { STATIC_CONTEXT, XDS_CONTEXT } from "../../../xds/model/resource-type.ts";
import { accepted, changed, readBoth, testRefusals } from "./cases.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const CLUSTER_BASE: JsonObject = {
  name: "orders",
  type: "EDS",
  eds_cluster_config: { eds_config: { ads: {} } },
  transport_socket: {
    name: "tls",
    typed_config: {
      "@type": `${TLS}.UpstreamTlsContext`,
      common_tls_context: { validation_context: { trusted_ca: { inline_string: "CA" } } },
    },
  },
};
const CONTEXT = "transport_socket.typed_config";
const COMMON = `${CONTEXT}.common_tls_context`;
const VALIDATION = `${COMMON}.validation_context`;
const SECRET = "-----BEGIN PRIVATE KEY-----c2VjcmV0-----END PRIVATE KEY-----";

test("transport sockets for endpoints with labels reach the model, with what the cluster says of names", () => {
  const { tls, tlsMatches } = accepted(
    CLUSTER,
    changed(CLUSTER_BASE, {
      transport_socket_matches: [
        {
          name: "mtls",
          match: { tls: "yes", version: 2 },
          transport_socket: {
            name: "tls",
            typed_config: {
              "@type": `${TLS}.UpstreamTlsContext`,
              sni: "other.example",
              common_tls_context: { validation_context: { trusted_ca: { inline_string: "OTHER" } } },
            },
          },
        },
        { name: "plain", match: {}, transport_socket: { name: "envoy.transport_sockets.raw_buffer" } },
        { name: "nothing" },
      ],
      upstream_http_protocol_options: { auto_sni: true },
    }),
  );
  assert.ok(tls?.autoHostSni);
  const [mtls, plain, nothing] = tlsMatches;
  assert.deepEqual(mtls?.labels, new Set(['["tls","yes"]', '["version",2]']));
  assert.equal(mtls?.tls?.sni, "other.example");
  assert.ok(mtls?.tls?.autoHostSni);
  assert.deepEqual([plain?.labels, plain?.tls], [new Set(), undefined]);
  assert.deepEqual([nothing?.labels, nothing?.tls], [new Set(), undefined]);
});

test("every setting of TLS to an upstream reaches the model", () => {
  const { tls } = accepted(
    CLUSTER,
    changed(CLUSTER_BASE, {
      [`${CONTEXT}.sni`]: "orders.example",
      [`${CONTEXT}.auto_sni_san_validation`]: true,
      [`${COMMON}.alpn_protocols`]: ["h2", "http/1.1"],
      [`${COMMON}.tls_params`]: { tls_minimum_protocol_version: "TLSv1_3" },
      [`${COMMON}.tls_certificates`]: [
        {
          certificate_chain: { filename: "/etc/certs/a.pem" },
          private_key: { filename: "/etc/certs/a.key" },
        },
      ],
      [`${VALIDATION}.match_typed_subject_alt_names`]: [
        { san_type: "URI", matcher: { exact: "spiffe://a/b" } },
        { san_type: "IP_ADDRESS", matcher: { prefix: "10." } },
      ],
    }),
    { ...XDS_CONTEXT, certificateDirectories: ["/etc/certs"] },
  );
  assert.deepEqual(tls, {
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    alpn: ["h2", "http/1.1"],
    certificate: {
      chain: { kind: "file", path: "/etc/certs/a.pem" },
      privateKey: { kind: "file", path: "/etc/certs/a.key" },
    },
    validation: {
      trustedCa: { kind: "inline", pem: "CA" },
      subjectAltNames: [
        { type: "uri", matcher: { kind: "exact", value: "spiffe://a/b", ignoreCase: false } },
        { type: "ip", matcher: { kind: "prefix", value: "10.", ignoreCase: false } },
      ],
    },
    sni: "orders.example",
    autoHostSni: false,
    autoSniSanValidation: true,
  });
});

test("the system's roots and plaintext are understood", () => {
  const system = accepted(CLUSTER, changed(CLUSTER_BASE, { [VALIDATION]: { system_root_certs: {} } })).tls;
  assert.deepEqual(system?.validation, { trustedCa: undefined, subjectAltNames: [] });
  const raw = "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer";
  assert.equal(accepted(CLUSTER, changed(CLUSTER_BASE, { [CONTEXT]: { "@type": raw } })).tls, undefined);
});

test("an upstream that nobody verifies needs the sidecar's permission", () => {
  const json = changed(CLUSTER_BASE, { [COMMON]: {} });
  assert.equal(
    accepted(CLUSTER, json, { ...XDS_CONTEXT, allowUnverifiedUpstream: true }).tls?.validation,
    undefined,
  );
  assert.match(readBoth(CLUSTER, json).problems[0]?.reason ?? "", /allow_unverified_upstream/);
});

test("files are read from the allowed directories alone, but the operator's own configuration may name any", () => {
  const named = (filename: string) => changed(CLUSTER_BASE, { [`${VALIDATION}.trusted_ca`]: { filename } });
  const context = { ...XDS_CONTEXT, certificateDirectories: ["/etc/certs"] };
  assert.deepEqual(readBoth(CLUSTER, named("/etc/certs/sub/ca.pem"), context).problems, []);
  for (const path of ["/etc/passwd", "/etc/certs/../passwd", "ca.pem", "/etc/certs", "/etc/certs2/ca.pem"]) {
    const [problem] = readBoth(CLUSTER, named(path), context).problems;
    assert.match(problem?.reason ?? "accepted", /must be an absolute path inside the directories/, path);
  }
  assert.deepEqual(readBoth(CLUSTER, named("ca.pem"), STATIC_CONTEXT).problems, []);
});

test("no problem shows key material", () => {
  const certificates = [
    { certificate_chain: { inline_string: "no certificate" }, private_key: { inline_string: SECRET } },
  ];
  const { problems } = readBoth(
    CLUSTER,
    changed(CLUSTER_BASE, { [`${COMMON}.tls_certificates`]: certificates }),
  );
  assert.deepEqual(
    problems.map(({ path }) => path),
    [`${COMMON}.tls_certificates[0].certificate_chain`],
  );
  assert.ok(!JSON.stringify(problems).includes("c2VjcmV0"));
});

testRefusals(CLUSTER, CLUSTER_BASE, [
  {
    title: "SDS is refused so far, with what to use",
    set: { [`${COMMON}.tls_certificate_sds_secret_configs`]: [{ name: "x" }] },
    error: `${COMMON}.tls_certificate_sds_secret_configs: is not supported: give the certificate here`,
  },
  {
    title: "a certificate provider that is not there is refused",
    set: { [`${COMMON}.tls_certificate_provider_instance`]: {} },
    error: `${COMMON}.tls_certificate_provider_instance: names a certificate provider`,
  },
  {
    title: "a key log is refused",
    set: { [`${COMMON}.key_log`]: { path: "/x" } },
    error: `${COMMON}.key_log: is not supported`,
  },
  {
    title: "TLS 1.1 is refused",
    set: { [`${COMMON}.tls_params`]: { tls_minimum_protocol_version: "TLSv1_1" } },
    error: `${COMMON}.tls_params.tls_minimum_protocol_version: must be TLSv1_2`,
  },
  {
    title: "a minimum version over the maximum is refused",
    set: {
      [`${COMMON}.tls_params`]: {
        tls_minimum_protocol_version: "TLSv1_3",
        tls_maximum_protocol_version: "TLSv1_2",
      },
    },
    error: `${COMMON}.tls_params: must not have a minimum version over`,
  },
  ...["verify_certificate_spki", "verify_certificate_hash"].map((field) => ({
    title: `${field} is refused: the check of the peer would be weaker`,
    set: { [`${VALIDATION}.${field}`]: ["x"] },
    error: `${VALIDATION}.${field}: is not supported: without it the check of the peer would be weaker`,
  })),
  {
    title: "a revocation list is refused: the check of the peer would be weaker",
    set: { [`${VALIDATION}.crl`]: { inline_string: "x" } },
    error: `${VALIDATION}.crl: is not supported`,
  },
  {
    title: "accepting untrusted certificates is refused",
    set: { [`${VALIDATION}.trust_chain_verification`]: "ACCEPT_UNTRUSTED" },
    error: `${VALIDATION}.trust_chain_verification: must be VERIFY_TRUST_CHAIN`,
  },
  {
    title: "a validation context without a trusted CA is refused",
    set: { [VALIDATION]: {} },
    error: `${VALIDATION}.trusted_ca: is required`,
  },
  {
    title: "a SAN of an unknown type is refused",
    set: {
      [`${VALIDATION}.match_typed_subject_alt_names`]: [{ san_type: "OTHER_NAME", matcher: { exact: "x" } }],
    },
    error: `${VALIDATION}.match_typed_subject_alt_names[0].san_type: must be EMAIL`,
  },
  {
    title: "an SNI over 255 bytes is refused",
    set: { [`${CONTEXT}.sni`]: "a".repeat(256) },
    error: `${CONTEXT}.sni: must be at most 255 bytes`,
  },
]);

/** Self-signed, for nobody; its key was thrown away. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUOJZm4UWx4LSuL9Rz9jP5HcTxtcEwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGb3JkZXJzMCAXDTI2MTEyMTEyMDU0MVoYDzIxMjYxMDI4MTIw
NTQxWjARMQ8wDQYDVQQDDAZvcmRlcnMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AATPXhxvEZ7RCj2Zs8fMQY044hQES0I7d9VYU4pwbP9LBGipmPhLjlIDdvwdhQX5
i1JfSVsCHfFzblMF5qlCZqvIo1MwUTAdBgNVHQ4EFgQUoHt2//dAjCWmHwtBFlbJ
egfuYncwHwYDVR0jBBgwFoAUoHt2//dAjCWmHwtBFlbJegfuYncwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiB9RTknV6C73EDEuVEka3U162p7eC8F
dWpiU9Ab/sxGJAIhAL5CwdC/o+tBvxzJiuWojQUpZdze81iKde3cq0/BKBsB
-----END CERTIFICATE-----`;

test("an inline key that does not belong to its certificate is refused", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  for (const [key, reason] of [
    [other, "does not belong to the certificate"],
    [SECRET, "does not hold a private key in PEM"],
  ] as const) {
    const pair = { certificate_chain: { inline_string: CERTIFICATE }, private_key: { inline_string: key } };
    const { problems } = readBoth(CLUSTER, changed(CLUSTER_BASE, { [`${COMMON}.tls_certificates`]: [pair] }));
    assert.deepEqual(problems, [
      { path: `${COMMON}.tls_certificates[0].private_key`, reason, severity: "error" },
    ]);
  }
});

test("a combined validation context is read without its secret, and refused with it", () => {
  const combined = { default_validation_context: { trusted_ca: { inline_string: "CA" } } };
  const plain = changed(CLUSTER_BASE, { [COMMON]: { combined_validation_context: combined } });
  assert.deepEqual(accepted(CLUSTER, plain).tls?.validation?.trustedCa, { kind: "inline", pem: "CA" });
  const secret = { ...combined, validation_context_sds_secret_config: { name: "ca" } };
  const { problems } = readBoth(
    CLUSTER,
    changed(CLUSTER_BASE, { [COMMON]: { combined_validation_context: secret } }),
  );
  assert.deepEqual(
    problems.map(({ path }) => path),
    [`${COMMON}.combined_validation_context.validation_context_sds_secret_config`],
  );
});

const LISTENER_BASE: JsonObject = {
  name: "ingress",
  address: { socket_address: { address: "127.0.0.1", port_value: 8443 } },
  filter_chains: [
    {
      filters: [
        {
          name: "tcp",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            stat_prefix: "a",
            cluster: "a",
          },
        },
      ],
      transport_socket: {
        name: "tls",
        typed_config: {
          "@type": `${TLS}.DownstreamTlsContext`,
          common_tls_context: {
            tls_certificates: [
              { certificate_chain: { filename: "a.pem" }, private_key: { filename: "a.key" } },
            ],
          },
        },
      },
    },
  ],
};
const DOWNSTREAM = `filter_chains[0].${CONTEXT}`;

test("TLS on a listener reaches the model", () => {
  const { tls } = accepted(LISTENER, LISTENER_BASE, STATIC_CONTEXT);
  assert.deepEqual(
    [tls?.requireClientCertificate, tls?.validation, tls?.certificate?.chain],
    [false, undefined, { kind: "file", path: "a.pem" }],
  );
});

testRefusals(LISTENER, LISTENER_BASE, [
  {
    title: "asking for client certificates without a CA to check them is refused",
    set: { [`${DOWNSTREAM}.require_client_certificate`]: true },
    context: { origin: "static" },
    error: `${DOWNSTREAM}.common_tls_context.validation_context: is required where require_client_certificate is true`,
  },
  {
    title: "requiring SNI is refused",
    set: { [`${DOWNSTREAM}.require_sni`]: true },
    context: { origin: "static" },
    error: `${DOWNSTREAM}.require_sni: is not supported`,
  },
  {
    title: "stapling that must happen is refused",
    set: { [`${DOWNSTREAM}.ocsp_staple_policy`]: "MUST_STAPLE" },
    context: { origin: "static" },
    error: `${DOWNSTREAM}.ocsp_staple_policy: must be LENIENT_STAPLING`,
  },
  {
    title: "a TLS listener without a certificate is refused",
    set: { [`${DOWNSTREAM}.common_tls_context`]: {} },
    context: { origin: "static" },
    error: `${DOWNSTREAM}.common_tls_context.tls_certificates: must hold the listener's certificate`,
  },
]);
