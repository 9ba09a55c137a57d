import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunningCommand } from "../support/command.ts";

/** A proxy with the listeners of a bootstrap. */
export interface RoutingPeer {
  readonly name: string;
  /** Of the listener with this name. */
  port(listener: string): number;
  stop(): Promise<void>;
}

export async function startDashpot(bootstrap: string): Promise<RoutingPeer> {
  return start("dashpot", bootstrap, async (file) => {
    const running = new RunningCommand(["sidecar", "-c", file], {
      DASHPOT_LOG_LEVEL: "info",
      OTEL_TRACES_EXPORTER: "none",
    });
    return { running, admin: running.said(/"address":"([^"]+)"[^\n]*"msg":"the admin listens"/) };
  });
}

export async function startEnvoy(bootstrap: string): Promise<RoutingPeer> {
  return start("envoy", bootstrap, async (file, folder) => {
    const addressFile = join(folder, "admin");
    const running = new RunningCommand(
      [
        "-c",
        file,
        "--use-dynamic-base-id",
        "--concurrency",
        "1",
        "-l",
        "info",
        "--admin-address-path",
        addressFile,
      ],
      {},
      ["envoy"],
    );
    const admin = running
      .said(/all dependencies initialized/)
      .then(async () => ["", await readFile(addressFile, "utf8")]);
    return { running, admin };
  });
}

interface Started {
  readonly running: RunningCommand;
  /** The address of its admin, as the second of two. */
  readonly admin: Promise<readonly (string | undefined)[]>;
}

async function start(
  name: string,
  bootstrap: string,
  run: (file: string, folder: string) => Promise<Started>,
): Promise<RoutingPeer> {
  const folder = await mkdtemp(join(tmpdir(), `dashpot-witness-${name}-`));
  const file = join(folder, "bootstrap.json");
  await writeFile(file, bootstrap);
  const { running, admin } = await run(file, folder);
  const stop = async (): Promise<void> => {
    await running.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [, address] = await admin;
    const ports = await listenerPorts(`http://${address?.trim()}`);
    return { name, port: (listener) => ports.get(listener) ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const LISTENING_MS = 10_000;

async function listenerPorts(admin: string): Promise<ReadonlyMap<string, number>> {
  for (const end = performance.now() + LISTENING_MS; ; ) {
    const ready = await fetch(`${admin}/ready`);
    await ready.arrayBuffer();
    if (ready.ok) break;
    if (performance.now() > end) throw new Error(`${admin} is not ready`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { listener_statuses } = (await (await fetch(`${admin}/listeners?format=json`)).json()) as {
    listener_statuses: { name: string; local_address?: { socket_address: { port_value: number } } }[];
  };
  return new Map(
    listener_statuses.map(({ name, local_address }) => [name, local_address?.socket_address.port_value ?? 0]),
  );
}
