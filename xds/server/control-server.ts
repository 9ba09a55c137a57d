import { Server, ServerCredentials } from "@grpc/grpc-js";
import { BindError } from "../common/bind-error.ts";
import type { Clock } from "../common/clock.ts";
import { parseHostPort } from "../common/host-port.ts";
import type { Logger } from "../common/logger.ts";
import { isLoopback } from "../common/loopback.ts";
import { endpointAddress } from "../model/endpoint.ts";
import { DEFAULT_STREAM_OPTIONS, type StreamOptions } from "../protocol/server-stream.ts";
import { startAdminPages } from "./admin.ts";
import { AGGREGATED_DISCOVERY, DiscoveryService } from "./discovery-service.ts";
import { FileSource } from "./file-source.ts";
import { type MeshReport, validateMesh } from "./mesh-report.ts";
import { MeshStore } from "./mesh-store.ts";
import { refuseVariants, UNSERVED_VARIANTS } from "./unserved-variants.ts";

export interface ControlServerOptions {
  /** The mesh file. */
  readonly file: string;
  /** `host:port` of the xDS server; port 0: any free one. Default 127.0.0.1:18000. */
  readonly address?: string;
  /** `host:port` of the admin pages; port 0: any free one. Default 127.0.0.1:18001. */
  readonly adminAddress?: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** xDS streams at one time. Default 10 000. */
  readonly maxStreams?: number;
  /** Longest request in bytes. Default 4 MiB: room for 100 000 names. */
  readonly maxRequestBytes?: number;
  readonly stream?: Partial<StreamOptions>;
  /** Quiet time after a change of the file before it is read, in ms. Default 100. */
  readonly debounceMs?: number;
}

export interface ControlServer {
  /** Where it really listens, as `host:port`. */
  readonly address: string;
  readonly adminAddress: string;
  /** Reads the mesh file now, as on SIGHUP. */
  reload(): Promise<void>;
  /** Ends all streams and listeners; safe to call twice. */
  close(): Promise<void>;
}

/** The mesh file has errors, so there is nothing to serve yet; `report.lines` says what and where. */
export class MeshFileError extends Error {
  readonly report: MeshReport;

  constructor(report: MeshReport) {
    super(`${report.file} has errors:\n${report.lines.join("\n")}`);
    this.report = report;
  }
}

/** Clients that do not answer a probe are gone: without it, half-open connections would be listed for ever. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;
const LAST_WORDS_MS = 1_000;

/**
 * Serves the mesh file over xDS and follows its changes.
 *
 * @throws MeshFileError when the file has errors at the start, BindError when an address cannot be listened on, a system error
 * when the file cannot be read.
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const { file, clock, logger } = options;
  const source = new FileSource({
    file,
    clock,
    logger,
    ...(options.debounceMs !== undefined && { debounceMs: options.debounceMs }),
    onText: (text) => store.offer(text),
    onError: (error) => store.reject([`${file}: ${error.message}`]),
  });
  const first = validateMesh(await source.start(), file);
  if (!first.snapshot) {
    source.close();
    throw new MeshFileError(first);
  }
  for (const line of first.lines) logger.warn({ file }, line);
  const store = new MeshStore(first, clock, logger);
  const discovery = new DiscoveryService(store, {
    clock,
    logger,
    maxStreams: options.maxStreams ?? 10_000,
    stream: { ...DEFAULT_STREAM_OPTIONS, ...options.stream },
  });
  const server = new Server({
    "grpc.max_receive_message_length": options.maxRequestBytes ?? 4 * 1024 * 1024,
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
  });
  server.addService(AGGREGATED_DISCOVERY, { streamAggregatedResources: discovery.handle });
  server.addService(UNSERVED_VARIANTS, refuseVariants(clock, logger));
  try {
    const address = await bind(server, options.address ?? "127.0.0.1:18000", logger);
    const admin = await startAdminPages(options.adminAddress ?? "127.0.0.1:18001", {
      store,
      discovery,
      clock,
    });
    logger.info(
      { address, admin: admin.address, version: store.snapshot.version },
      "the control server is up",
    );
    return {
      address,
      adminAddress: admin.address,
      reload: () => source.reload(),
      async close() {
        source.close();
        discovery.close();
        await Promise.all([shutDown(server, clock), admin.close()]);
      },
    };
  } catch (error) {
    source.close();
    server.forceShutdown();
    throw error;
  }
}

const REACHED_BY_OTHERS =
  "not a loopback address: the whole mesh is served in plain text to every host that reaches it";

/** Lets the last words out, so that clients learn why, and then closes whatever is still open. */
async function shutDown(server: Server, clock: Clock): Promise<void> {
  await new Promise<void>((resolve) => {
    const cancel = clock.after(LAST_WORDS_MS, resolve);
    server.tryShutdown(() => {
      cancel();
      resolve();
    });
  });
  server.forceShutdown();
}

function bind(server: Server, address: string, logger: Logger): Promise<string> {
  const parsed = parseHostPort(address, 0);
  if ("error" in parsed) return Promise.reject(new BindError(address, parsed.error));
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error) reject(new BindError(address, error.message));
      else {
        if (!isLoopback(parsed.host)) logger.warn({ address }, REACHED_BY_OTHERS);
        resolve(endpointAddress(parsed.host, port));
      }
    });
  });
}
