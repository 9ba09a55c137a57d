import type { Environment } from "../../xds/common/environment.ts";
import { childPath } from "../../xds/common/field-path.ts";
import { describe, isMapping } from "../../xds/common/fields.ts";
import { LOG_LEVELS } from "../../xds/common/log-level.ts";
import { didYouMean, nearestName } from "../../xds/common/nearest-name.ts";
import type { Problems } from "../../xds/common/problem.ts";
import { DEFAULT_OUTBOUND } from "./default-addresses.ts";
import {
  bytes,
  choice,
  duration,
  environmentName,
  flag,
  fraction,
  integer,
  logTarget,
  optionalPath,
  pathList,
  type Setting,
  socketAddress,
} from "./setting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

function setting<T>(entry: Setting<T>): Setting<T> {
  return entry;
}

/**
 * Every setting of the bootstrap's `dashpot:` block: what Envoy's configuration has no word for. Times are in milliseconds once
 * read. `node sidecar/cli/settings-reference.ts` writes the reference in docs/configuration.md from it.
 */
export const SETTINGS = {
  defaultPolicy: setting({
    key: "default_policy",
    type: choice(["adaptive", "round_robin", "least_request", "random", "peak_ewma"]),
    fallback: "adaptive",
    does: "How endpoints are chosen in a cluster that names no policy of its own (`lb_policy` unset).",
    lower: "`round_robin` and `random` ignore load: a slow endpoint gets as much as a fast one.",
    higher: "`adaptive` keeps estimates per endpoint and moves its weights by itself.",
  }),
  outboundAddress: setting({
    key: "outbound_address",
    type: socketAddress(),
    fallback: DEFAULT_OUTBOUND,
    does: "Where the sidecar listens for a listener that has routes but no address of its own (`api_listener`).",
    lower: "A loopback address is reached by this host (or pod) only.",
    higher: "Any other address lets other hosts send through this sidecar, with its identity.",
  }),
  logLevel: setting({
    key: "log_level",
    type: choice(LOG_LEVELS),
    fallback: "info",
    does: "The least severe level that is logged to stderr.",
    lower: "`debug` tells of every change of weights and every answer to the control server.",
    higher: "`error` and above hide warnings about configuration.",
  }),
  accessLog: setting({
    key: "access_log",
    type: logTarget(),
    fallback: "off",
    does: "Where one JSON line per request goes. SIGHUP opens a file anew, after it was rotated.",
    lower: "`off`: single requests are seen in traces and the inspector only.",
    higher: "A line per request costs CPU and disk.",
  }),
  maxConnections: setting({
    key: "max_connections",
    type: integer(1, 1_000_000),
    fallback: 10_000,
    does: "Connections from applications that are served at the same time, over all listeners. `ulimit -n` may allow fewer.",
    lower: "Further callers wait sooner, for a connection that is idle for 1 s or that closes.",
    higher: "Each connection takes memory and a file descriptor, also when idle.",
  }),
  maxWaitingConnections: setting({
    key: "max_waiting_connections",
    type: integer(0, 10_000),
    fallback: 128,
    does: "Callers that may wait, connected but unread, when `max_connections` are served; at most an eighth of what `ulimit -n` allows. TLS handshakes take of what both bounds leave.",
    lower: "A burst beyond the bound is turned away by a reset; `0`: every caller beyond it.",
    higher: "Callers that could be told at once wait, and each takes a file descriptor.",
  }),
  maxUrlBytes: setting({
    key: "max_url_bytes",
    type: bytes(1 * KIB, 64 * KIB),
    fallback: 8 * KIB,
    does: "Longest request target.",
    lower: "Long queries are refused with 414.",
    higher: "Longer input for path matches and regular expressions.",
  }),
  maxResponseHeadBytes: setting({
    key: "max_response_head_bytes",
    type: bytes(1 * KIB, 8 * MIB),
    fallback: 60 * KIB,
    does: "Longest head of a response, status line and fields together, and longest trailers.",
    lower: "Endpoints that set many cookies are answered for with 502.",
    higher: "A hostile endpoint makes the sidecar hold more.",
  }),
  maxResponseHeaders: setting({
    key: "max_response_headers",
    type: integer(1, 10_000),
    fallback: 100,
    does: "Most fields of a response.",
    lower: "Responses with more are answered for with 502.",
    higher: "More work for each response that has them.",
  }),
  maxInformationalResponses: setting({
    key: "max_informational_responses",
    type: integer(0, 1_000),
    fallback: 16,
    does: "Most interim responses (1xx) to one request.",
    lower: "Endpoints that send progress or hints often are answered for with 502.",
    higher: "An endpoint can keep a request going for longer without answering it.",
  }),
  maxChunkLineBytes: setting({
    key: "max_chunk_line_bytes",
    type: bytes(32, 64 * KIB),
    fallback: 1 * KIB,
    does: "Longest size line of a chunk, with its extensions, in requests and responses. Extensions are never passed on.",
    lower: "Peers that send long chunk extensions are refused.",
    higher: "More bytes that nobody reads may surround each byte of a body.",
  }),
  dnsTimeoutMs: setting({
    key: "dns_timeout",
    type: duration(100, 1 * MINUTE),
    fallback: 2 * SECOND,
    does: "How long one question to a name server may take; each is asked twice. The last good answer is used meanwhile.",
    lower: "Slow name servers count as silent.",
    higher: "The first endpoints of a cluster come later when a name server is silent.",
  }),
  freeRetries: setting({
    key: "free_retries",
    type: integer(0, 100),
    fallback: 3,
    does: "Times that a request which no endpoint has begun to answer, because no connection was had or a kept one had just closed, goes to another endpoint without a retry policy.",
    lower: "Endpoints that went away cost their callers a 503 sooner; `0`: at the first.",
    higher: "When many endpoints are unreachable each request tries more of them before it fails.",
  }),
  replayBufferBytes: setting({
    key: "replay_buffer_bytes",
    type: bytes(0, 16 * MIB),
    fallback: 64 * KIB,
    does: "Bytes of a request's body kept so that it can be sent again to another endpoint.",
    lower: "Requests with larger bodies are not retried once their body was sent on.",
    higher: "Memory per request in flight, up to the total.",
  }),
  replayBufferTotalBytes: setting({
    key: "replay_buffer_total_bytes",
    type: bytes(0, 1024 * MIB),
    fallback: 16 * MIB,
    does: "Bytes of all replay buffers together.",
    lower: "Under load fewer requests can be retried.",
    higher: "Memory under load.",
  }),
  drainDeadlineMs: setting({
    key: "drain_deadline",
    type: duration(0, 1 * HOUR),
    fallback: 30 * SECOND,
    does: "How long requests may go on after SIGTERM before they are cut.",
    lower: "Long requests fail when the sidecar ends.",
    higher: "Ending takes longer; keep it under the platform's own grace period.",
  }),
  drainMinMs: setting({
    key: "drain_min",
    type: duration(0, 1 * HOUR),
    fallback: 1 * SECOND,
    does: "How long new requests are served after SIGTERM even when there are none in flight: the application may still be ending.",
    lower: "Calls that the application makes while it shuts down fail.",
    higher: "Ending takes at least this long.",
  }),
  xdsReceiveLimitBytes: setting({
    key: "xds_receive_limit_bytes",
    type: bytes(1 * MIB, 1024 * MIB),
    fallback: 64 * MIB,
    does: "Longest message of the control server.",
    lower: "A large mesh cannot be received: 9,000 clusters were 12 MB.",
    higher: "A hostile control server can make the sidecar hold more.",
  }),
  xdsBackoffMaxMs: setting({
    key: "xds_backoff_max",
    type: duration(1 * SECOND, 10 * MINUTE),
    fallback: 30 * SECOND,
    does: "Longest pause between two tries to reach the control server; half of it is left to chance.",
    lower: "A fleet knocks more often at a server that is down.",
    higher: "New configuration arrives later once the server is back. Traffic goes on meanwhile.",
  }),
  xdsApplyIntervalMs: setting({
    key: "xds_apply_interval",
    type: duration(0, 10 * SECOND),
    fallback: 50,
    does: "Shortest time between two configurations that are put to use; changes in between are taken together.",
    lower: "A control server that sends in bursts costs more CPU.",
    higher: "Endpoints that come or go are noticed later.",
  }),
  xdsKeepaliveMs: setting({
    key: "xds_keepalive",
    type: duration(1 * SECOND, 1 * HOUR),
    fallback: 30 * SECOND,
    does: "Silence after which the connection to the control server is probed; an answer is awaited for 10 s.",
    lower:
      "Some control servers end connections that are probed often (grpc-go allows one probe in 5 minutes by default).",
    higher: "A server that vanished without a word is noticed later.",
  }),
  decisionRingSize: setting({
    key: "decision_ring_size",
    type: integer(0, 100_000),
    fallback: 1000,
    does: "Recent routing decisions kept for the inspector.",
    lower: "The inspector's history is shorter.",
    higher: "Memory for each decision kept.",
  }),
  slowDecisionMs: setting({
    key: "slow_decision_threshold",
    type: duration(1, 1 * HOUR),
    fallback: 1 * SECOND,
    does: "A request that takes longer is recorded with its decision even when it is not sampled.",
    lower: "More records of ordinary requests push out the notable ones.",
    higher: "Slow requests leave no record.",
  }),
  maxRecordedTextChars: setting({
    key: "max_recorded_text_chars",
    type: integer(64, 65_536),
    fallback: 1_024,
    does: "Longest text of a caller (path, query, authority, method, user agent, request id) in spans, decisions and the access log. A longer one is cut, and ends with `…`.",
    lower: "Long queries and user agents are told in part.",
    higher: "Callers can make every record of them large.",
  }),
  traceSampleRatio: setting({
    key: "trace_sample_ratio",
    type: fraction(0, 1),
    fallback: 0.01,
    does: "Part of the requests without a sampling decision of their caller that are traced. Errors and retries always are.",
    lower: "Fewer examples of ordinary requests.",
    higher: "CPU per request, and work for the collector.",
  }),
  allowUnverifiedUpstream: setting({
    key: "allow_unverified_upstream",
    type: flag(),
    fallback: false,
    does: "Accept clusters with TLS but without a trusted CA, as Envoy does.",
    lower: "`false` refuses such clusters.",
    higher: "`true` talks to whoever answers: encrypted, but to anyone.",
  }),
  allowUnframedTlsResponses: setting({
    key: "allow_unframed_tls_responses",
    type: flag(),
    fallback: false,
    does: "Accept a response over TLS that has neither a length nor chunks and ends with its connection, as Envoy does. Node does not tell TLS's own end from a cut.",
    lower: "`false` answers for such a response with 502.",
    higher: "`true` passes on whatever came: whoever can cut the connection can shorten the response unseen.",
  }),
  certificateDirectories: setting({
    key: "certificate_directories",
    type: pathList(),
    fallback: ["/etc/dashpot/tls", "/etc/ssl/certs"],
    does: "Directories from which the control server may have certificates and keys read.",
    lower: "Certificates elsewhere are refused.",
    higher: "The control server can name any file in them.",
  }),
  adminAllowRemote: setting({
    key: "admin_allow_remote",
    type: flag(),
    fallback: false,
    does: "Let the admin interface bind an address other than loopback; `admin_token_file` is required then.",
    lower: "`false`: this host (or pod) only.",
    higher: "`true`: whoever has the token can read all configuration and end the sidecar.",
  }),
  adminTokenFile: setting({
    key: "admin_token_file",
    type: optionalPath(),
    fallback: "",
    does: "File with the bearer token that admin requests must carry.",
    lower: "None: every local process may ask.",
    higher: "Every tool that asks needs the token.",
  }),
};

export type SettingsTable = typeof SETTINGS;
export type SettingName = keyof SettingsTable;
export type Settings = {
  readonly [Name in SettingName]: SettingsTable[Name] extends Setting<infer T> ? T : never;
};

/** A setting in force, for people. */
export interface EffectiveSetting {
  /** As in the `dashpot:` block. */
  readonly name: string;
  readonly value: string;
  /** The environment variable that set it, `bootstrap`, or `default`. */
  readonly origin: string;
}

export interface ParsedSettings {
  readonly settings: Settings;
  readonly effective: readonly EffectiveSetting[];
}

/**
 * Reads the `dashpot:` block; environment variables win over it. Every fault is a problem under `path` or under the variable's name,
 * and leaves that setting at its default.
 */
export function parseSettings(
  block: unknown,
  environment: Environment,
  problems: Problems,
  path = "dashpot",
): ParsedSettings {
  const written = isMapping(block) ? new Map(Object.entries(block)) : new Map<string, unknown>();
  if (block !== undefined && block !== null && !isMapping(block)) {
    problems.error(path, `must be a mapping of settings, not ${describe(block)}`);
  }
  const entries = Object.entries(SETTINGS) as [SettingName, Setting<unknown>][];
  const keys = entries.map(([, { key }]) => key);
  for (const key of written.keys()) {
    if (!keys.includes(key))
      problems.error(childPath(path, key), `unknown setting "${key}"${didYouMean(key, keys)}`);
  }
  const values = new Map<string, unknown>();
  const effective: EffectiveSetting[] = [];
  for (const [name, entry] of entries) {
    const { key, type, fallback } = entry;
    const variable = environmentName(entry);
    // Set but empty is what a template leaves behind that had no value.
    const fromEnvironment = environment[variable] || undefined;
    const fromBlock = written.get(key) ?? undefined;
    const given = fromEnvironment ?? fromBlock;
    const read = given === undefined ? { value: fallback } : type.read(given);
    if ("reason" in read)
      problems.error(fromEnvironment === undefined ? childPath(path, key) : variable, read.reason);
    const value = "value" in read ? read.value : fallback;
    values.set(name, value);
    const origin =
      fromEnvironment !== undefined ? variable : fromBlock !== undefined ? "bootstrap" : "default";
    effective.push({ name: key, value: type.show(value), origin });
  }
  warnOfMisspelt(
    environment,
    entries.map(([, entry]) => environmentName(entry)),
    problems,
  );
  return { settings: Object.freeze(Object.fromEntries(values)) as Settings, effective };
}

/**
 * A misspelt variable would be ignored in silence. Only those close to a setting's are told: commands have variables of their own, and
 * Kubernetes sets some for every service that is called dashpot.
 */
function warnOfMisspelt(environment: Environment, known: readonly string[], problems: Problems): void {
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith("DASHPOT_") || known.includes(variable)) continue;
    const near = nearestName(
      variable.slice("DASHPOT_".length),
      known.map((name) => name.slice("DASHPOT_".length)),
    );
    if (near !== undefined) problems.warn(variable, `is no setting, did you mean DASHPOT_${near}?`);
  }
}
