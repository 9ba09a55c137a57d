import { once } from "node:events";
import { systemClock } from "../../../xds/common/clock.ts";
import { LOG_LEVELS, type LogLevel } from "../../../xds/common/log-level.ts";
import { didYouMean } from "../../../xds/common/nearest-name.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../command.ts";
import { EXIT } from "../exit-code.ts";
import { startFailure } from "../start-failure.ts";

const DEFAULT_ADDRESS = "127.0.0.1:18000";
const DEFAULT_ADMIN = "127.0.0.1:18001";

export const control: Command = {
  name: "control",
  summary: "the control server: a mesh file in, xDS v3 out, to any xDS client",
  usage: "control -c FILE [OPTIONS]",
  flags: [
    { name: "config", short: "c", value: "FILE", env: "DASHPOT_MESH", text: "the mesh file" },
    {
      name: "address",
      value: "HOST:PORT",
      env: "DASHPOT_CONTROL_ADDRESS",
      fallback: DEFAULT_ADDRESS,
      text: "where xDS clients connect",
    },
    {
      name: "admin",
      value: "HOST:PORT",
      env: "DASHPOT_CONTROL_ADMIN",
      fallback: DEFAULT_ADMIN,
      text: "where the admin pages are",
    },
    {
      name: "log-level",
      value: "LEVEL",
      env: "DASHPOT_LOG_LEVEL",
      fallback: "info",
      text: LOG_LEVELS.join(", "),
    },
  ],
  positionals: [0, 0],
  examples: ["dashpot control -c mesh.yaml", "dashpot control -c mesh.yaml --address 0.0.0.0:18000"],
  signals: [
    ["SIGTERM", "end; sidecars go on with what they have"],
    ["SIGHUP", "read the mesh file now. Changes are noticed without it"],
  ],
  async run({ flags }, terminal) {
    const file = flags.get("config");
    if (file === undefined) throw new UsageError("control needs a mesh file: -c FILE");
    const level = flags.get("log-level") ?? "info";
    if (!LOG_LEVELS.includes(level as LogLevel))
      throw new UsageError(
        `--log-level takes ${LOG_LEVELS.join(", ")}, not "${level}"${didYouMean(level, LOG_LEVELS)}`,
      );
    const { MeshFileError, startControlServer } = await import("../../../xds/server/control-server.ts");
    const { createLogger } = await import("../../../xds/common/logger.ts");
    const logger = createLogger(level as LogLevel);
    try {
      const server = await startControlServer({
        file,
        address: flags.get("address") ?? DEFAULT_ADDRESS,
        adminAddress: flags.get("admin") ?? DEFAULT_ADMIN,
        logger,
        clock: systemClock,
      });
      const reload = (): void => void server.reload();
      process.on("SIGHUP", reload);
      if (!terminal.ended.aborted) await once(terminal.ended, "abort");
      process.off("SIGHUP", reload);
      await server.close();
      logger.flush();
      return EXIT.ok;
    } catch (error) {
      if (error instanceof MeshFileError) {
        terminal.stderr.write(`${error.report.lines.join("\n")}\n`);
        return EXIT.config;
      }
      return startFailure(error, terminal);
    }
  },
};
