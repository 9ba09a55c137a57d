import { once } from "node:events";
import { createLogger } from "../../../xds/common/logger.ts";
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
      text: "an Envoy v3 bootstrap, YAML or JSON",
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
  async run({ flags }, terminal) {
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
    const { startSidecar } = await import("../run-sidecar.ts");
    const logger = createLogger(bootstrap.settings.logLevel);
    try {
      const running = await startSidecar({ bootstrap, logger, env: terminal.env });
      if (!terminal.ended.aborted) await Promise.race([once(terminal.ended, "abort"), running.quit]);
      await running.drain();
      await running.close();
      logger.flush();
      return EXIT.ok;
    } catch (error) {
      return startFailure(error, terminal);
    }
  },
};
