import { randomInt } from "node:crypto";
import type { Clock } from "../../xds/common/clock.ts";
import type { Environment } from "../../xds/common/environment.ts";
import type { Logger } from "../../xds/common/logger.ts";
import { seededRandom } from "../../xds/common/random.ts";
import { AccessLog } from "./access-log.ts";
import { ExchangeRecorder } from "./exchange-recorder.ts";
import type { EffectiveValue, OtelSettings } from "./otel-environment.ts";
import { readOtelEnvironment } from "./otel-environment.ts";
import { Sampler } from "./sampler.ts";
import type { OtlpSpanExporter } from "./span-exporter.ts";
import { DASHPOT_SCOPE, type StatSheet } from "./stat-sheet.ts";

export interface TelemetryOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly environment: Environment;
  /** Dashpot's own version. */
  readonly version: string;
  readonly nodeId: string;
  /** The application's name, where `OTEL_SERVICE_NAME` does not say it. */
  readonly serviceName: string;
  /** Part of the requests without a caller's decision that are traced, where `OTEL_TRACES_SAMPLER` does not say it. */
  readonly sampleRatio: number;
  /** `off`, `stderr` or a path. */
  readonly accessLog: string;
  readonly ringSize: number;
  readonly slowMs: number;
  /** Of a text that comes from a caller, in characters. */
  readonly longestText: number;
}

/** All that a sidecar says of itself, wired together. */
export interface Telemetry {
  readonly recorder: ExchangeRecorder;
  /** The `OTEL_*` settings in force and where each comes from. */
  readonly effective: readonly EffectiveValue[];
  /** Where spans go; empty: nowhere. */
  readonly exportsTo: string;
  writeStats(sheet: StatSheet): void;
  /** Opens the access log anew, after it was moved away. */
  reopenAccessLog(): void;
  /** Sends what waits, within 2 s. */
  shutdown(): Promise<void>;
}

export async function createTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { clock, logger } = options;
  const settings = readOtelEnvironment(options.environment, options);
  for (const warning of settings.warnings) logger.warn(warning);
  const exporter = await createExporter(settings, options);
  const accessLog = createAccessLog(options.accessLog, logger);
  const recorder = new ExchangeRecorder({
    clock,
    logger,
    random: seededRandom(randomInt(2 ** 48 - 1)),
    sampler: new Sampler(settings.sampler),
    spans: exporter,
    accessLog,
    ringSize: options.ringSize,
    slowMs: options.slowMs,
    longestText: options.longestText,
  });
  return {
    recorder,
    effective: settings.effective,
    exportsTo: exporter ? shownUrl(settings.otlp!.url) : "",
    writeStats(sheet) {
      const spans = exporter?.counts;
      sheet.counter(DASHPOT_SCOPE, "spans_exported", spans?.exported ?? 0);
      sheet.counter(DASHPOT_SCOPE, "spans_dropped", spans?.dropped ?? 0);
      sheet.counter(DASHPOT_SCOPE, "spans_failed", spans?.failed ?? 0);
      sheet.gauge(DASHPOT_SCOPE, "spans_queued", spans?.queued ?? 0);
      sheet.counter(DASHPOT_SCOPE, "access_log_dropped", accessLog?.dropped ?? 0);
      sheet.counter(DASHPOT_SCOPE, "decisions_recorded", recorder.decisions.added);
    },
    reopenAccessLog() {
      accessLog?.reopen();
    },
    async shutdown() {
      accessLog?.close();
      await exporter?.shutdown();
    },
  };
}

/**
 * A certificate that cannot be read costs the export, not the sidecar. OpenTelemetry is loaded only where something is exported:
 * it is some 250 modules.
 */
async function createExporter(
  { otlp, batch, resource }: OtelSettings,
  { clock, logger, nodeId, version }: TelemetryOptions,
): Promise<OtlpSpanExporter | undefined> {
  if (otlp === undefined) return undefined;
  const { OtlpSpanExporter } = await import("./span-exporter.ts");
  try {
    return new OtlpSpanExporter({
      target: otlp,
      batch,
      resource: {
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.language": "nodejs",
        "process.pid": process.pid,
        "dashpot.node.id": nodeId,
        "dashpot.sidecar.version": version,
        ...Object.fromEntries(resource),
      },
      version,
      clock,
      logger,
    });
  } catch (error) {
    logger.error({ reason: reasonOf(error) }, "spans are not exported");
    return undefined;
  }
}

function createAccessLog(target: string, logger: Logger): AccessLog | undefined {
  if (target === "off") return undefined;
  return new AccessLog({
    target,
    onFailure: (error) =>
      logger.error({ target, reason: reasonOf(error) }, "the access log cannot be written"),
  });
}

function shownUrl(text: string): string {
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
