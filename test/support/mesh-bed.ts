import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { RunningCommand } from "./command.ts";
import { freePort } from "./free-port.ts";

/** A mesh file in a folder of its own, and the ports that its commands will use. */
export interface Mesh {
  readonly folder: string;
  readonly file: string;
  readonly listener: number;
  readonly xds: number;
}

/** A backend that answers with its name, or as `answer` says. */
export async function backend(
  t: TestContext,
  name: string,
  answer: RequestListener = (_request, response) => response.end(name),
): Promise<{ port: number; server: Server }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, server };
}

export async function layMesh(t: TestContext, endpoints: readonly number[]): Promise<Mesh> {
  const folder = await mkdtemp(join(tmpdir(), "dashpot-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const mesh = { folder, file: join(folder, "mesh.yaml"), listener: await freePort(), xds: await freePort() };
  await writeMesh(mesh, endpoints);
  return mesh;
}

export function writeMesh({ file, listener }: Mesh, endpoints: readonly number[]): Promise<void> {
  return writeFile(
    file,
    [
      "services:",
      "  - name: orders",
      "    domains: [orders]",
      "    endpoints:",
      ...endpoints.map((port) => `      - address: 127.0.0.1:${port}`),
      "listeners:",
      "  - name: outbound",
      `    address: 127.0.0.1:${listener}`,
      "",
    ].join("\n"),
  );
}

export async function control(t: TestContext, mesh: Mesh): Promise<RunningCommand> {
  const running = new RunningCommand([
    "control",
    "-c",
    mesh.file,
    "--address",
    `127.0.0.1:${mesh.xds}`,
    "--admin",
    "127.0.0.1:0",
  ]);
  t.after(() => running.kill());
  await running.said(/the control server is up/);
  return running;
}

/** Writes the bootstrap that the examples show, on ports of this test, and returns its file. */
export async function writeBootstrap(mesh: Mesh): Promise<string> {
  const example = await readFile(join(import.meta.dirname, "../../examples/sidecar.yaml"), "utf8");
  const file = join(mesh.folder, "sidecar.yaml");
  await writeFile(
    file,
    example
      .replace("port_value: 18000", `port_value: ${mesh.xds}`)
      .replace("port_value: 15000", "port_value: 0"),
  );
  return file;
}

/** A sidecar on that bootstrap. */
export async function sidecar(
  t: TestContext,
  mesh: Mesh,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningCommand> {
  const running = new RunningCommand(["sidecar", "-c", await writeBootstrap(mesh)], env);
  t.after(() => running.kill());
  await running.said(/"msg":"the admin listens"/);
  return running;
}

export async function ready(running: RunningCommand): Promise<void> {
  await running.said(/"msg":"ready"/);
}
