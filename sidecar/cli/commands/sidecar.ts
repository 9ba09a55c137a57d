import { once } from "node:events";
import type { Logger } from "../../../xds/common/logger.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { startFailure } from "../start-failure.ts";

export const sidecar: Command = {
  name: "sidecar",
  summary: "the data plane: takes a service's outbound calls and routes them",
  usage: "sidecar (-c FILE | --xds HOST:PORT) [OPTIONS]",
  flags: [
    {
      name: "config",
      short: "c",
      value: "FILE",
      env: "DASHPOT_CONFIG",
      text: "an Envoy v3 bootstrap, YAML or JSON; or gRPC's",
    },
    { name: "xds", value: "HOST:PORT", env: "DASHPOT_XDS", text: "the control server, instead of a file" },
    {
      name: "node-id",
      value: "ID",
      env: "DASHPOT_NODE_ID",
      fallback: "the host's name",
      text: "who this sidecar is",
    },
    {
      name: "node-cluster",
      value: "NAME",
      env: "DASHPOT_NODE_CLUSTER",
      fallback: "dashpot",
      text: "the service that it stands beside",
    },
  ],
  positionals: [0, 0],
  examples: [
    "dashpot sidecar -c bootstrap.yaml",
    "dashpot sidecar --xds 127.0.0.1:18000 --node-id web-1 --node-cluster web",
    "GRPC_XDS_BOOTSTRAP=grpc.json dashpot sidecar",
  ],
  signals: [
    [
      "SIGTERM",
      "serve on until the application is quiet, at most drain_deadline; then end. A second one ends at once",
    ],
    ["SIGHUP", "open the access log anew, after it was rotated. A changed bootstrap needs a restart"],
  ],
  async run({ flags }, terminal) {
    const { NODE_TLS_REJECT_UNAUTHORIZED: checks } = terminal.env;
    if (checks === "0") {
      terminal.stderr.write(
        "dashpot: NODE_TLS_REJECT_UNAUTHORIZED=0 switches every check of certificates off; unset it, and set dashpot.allow_unverified_upstream if that is meant\n",
      );
      return EXIT.usage;
    }
    const { loadBootstrap } = await import("../load-bootstrap.ts");
    const { bootstrap, errors, warnings } = loadBootstrap({
      file: flags.get("config"),
      xds: flags.get("xds"),
      nodeId: flags.get("node-id"),
      nodeCluster: flags.get("node-cluster"),
      environment: terminal.env,
    });
    for (const line of [...errors, ...warnings]) terminal.stderr.write(`${line}\n`);
    if (!bootstrap) return EXIT.config;
    const { createLogger } = await import("../../../xds/common/logger.ts");
    const { startSidecar } = await import("../run-sidecar.ts");
    const logger = createLogger(bootstrap.settings.logLevel);
    endOnUnhandled(logger);
    try {
      const running = await startSidecar({ bootstrap, logger, env: terminal.env });
      // What log rotation sends. Node keeps SIGUSR1, which others use for this, for its debugger.
      process.on("SIGHUP", () => {
        running.telemetry.reopenAccessLog();
        logger.info("SIGHUP: the access log is opened anew; configuration is not read again");
      });
      if (!terminal.ended.aborted) await Promise.race([once(terminal.ended, "abort"), running.quit]);
      const { drainDeadlineMs } = bootstrap.settings;
      logger.info({ drainDeadlineMs }, "asked to end: serving on until the application is quiet");
      await running.drain();
      await running.close();
      logger.info("ended");
      logger.flush();
      return EXIT.ok;
    } catch (error) {
      return startFailure(error, terminal);
    }
  },
};

/** A process that goes on after an error nobody expected is in a state nobody knows: it says what happened and ends. */
function endOnUnhandled(logger: Logger): void {
  process.on("uncaughtException", (error, origin) => {
    logger.fatal({ err: error, origin }, "an error that nobody handled; ending");
    logger.flush(() => process.exit(EXIT.failure));
  });
}
