import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunningCommand } from "../support/command.ts";
import { corpusBootstrap } from "./corpus-bootstrap.ts";
import type { ProxyUnderTest, StagedCase } from "./proxy-under-test.ts";

/** What the sidecar adds to requests and responses by itself: this hop's trace and identity. */
const OWN = new Set(["via", "x-forwarded-proto", "x-request-id", "traceparent"]);

/** The real command with a static bootstrap: one listener, route and cluster for each case. */
export async function startDashpot(cases: readonly StagedCase[]): Promise<ProxyUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), "dashpot-corpus-"));
  const file = join(folder, "bootstrap.json");
  await writeFile(file, JSON.stringify(corpusBootstrap(cases)));
  const running = new RunningCommand(["sidecar", "-c", file], {
    DASHPOT_LOG_LEVEL: "info",
    OTEL_TRACES_EXPORTER: "none",
  });
  const stop = async (): Promise<void> => {
    await running.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [, admin] = await running.said(/"address":"([^"]+)"[^\n]*"msg":"the admin listens"/);
    await running.said(/"msg":"ready"/);
    const ports = await listenerPorts(`http://${admin}/listeners?format=json`);
    return { comparison: { own: OWN, exact: true }, port: (index) => ports.get(`case-${index}`) ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function listenerPorts(url: string): Promise<ReadonlyMap<string, number>> {
  const { listener_statuses } = (await (await fetch(url)).json()) as {
    listener_statuses: {
      name: string;
      local_address?: { socket_address: { port_value: number } };
      dashpot: { failure: string };
    }[];
  };
  return new Map(
    listener_statuses.map(({ name, local_address, dashpot }) => {
      if (!local_address) throw new Error(`${name} is not bound: ${dashpot.failure}`);
      return [name, local_address.socket_address.port_value];
    }),
  );
}
