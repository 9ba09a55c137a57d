import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

/**
 * A port for a process that must be told one, chosen by the kernel and set aside for a minute: a connection to it that its server closed
 * first stays in TIME_WAIT, for which the kernel gives the port to nobody but who names it.
 */
export async function freePort(): Promise<number> {
  const server = createServer((accepted) => accepted.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const caller = connect(port, "127.0.0.1").resume();
  await once(caller, "close");
  server.close();
  await once(server, "close");
  return port;
}
