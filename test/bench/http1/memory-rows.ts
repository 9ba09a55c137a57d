import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Work } from "./load.ts";
import { requestBytes } from "./load.ts";
import { rounded } from "./numbers.ts";
import type { ProxyPlace, RunningProxy } from "./proxies.ts";
import { startFresh } from "./proxies.ts";
import { RequestLoop } from "./request-loop.ts";
import { type Effort, warmUp } from "./rows.ts";
import { readSlowly, type StreamPeer, sendBytes } from "./stream-peer.ts";

const MIB = 1_024 * 1_024;
/** Whatever a start or a burst left to do is done by then. */
const SETTLE_MS = 1_500;
/** How many connections open at the same time. */
const OPENING = 64;
const SAMPLE_MS = 20;
const STALL_MS = 1_000;

/**
 * Resident memory of a proxy that did nothing yet, at its first start and at one that finds what the first left behind (compiled code),
 * and with many connections that were used once and idle since: as many as it kept open, which is fewer where the process may
 * not open more files.
 */
export async function idleRow(
  names: readonly string[],
  place: ProxyPlace,
  work: Work,
  effort: Effort,
): Promise<object> {
  const rows: Record<string, object> = {};
  for (const name of names) {
    const first = await startFresh(name, place);
    if (!first) continue;
    await sleep(SETTLE_MS);
    const firstBytes = first.process.residentBytes;
    await first.process.end();
    const proxy = (await startFresh(name, place)) as RunningProxy;
    await sleep(SETTLE_MS);
    const freshBytes = proxy.process.residentBytes;
    const connections = await openIdle(proxy.port, requestBytes(work), effort.idleConnections);
    await sleep(SETTLE_MS);
    const idleBytes = proxy.process.residentBytes;
    const open = connections.filter(({ isOpen }) => isOpen).length;
    for (const connection of connections) connection.close();
    await proxy.process.stop();
    rows[name] = {
      firstStartMiB: rounded(firstBytes / MIB),
      freshMiB: rounded(freshBytes / MIB),
      idleMiB: rounded(idleBytes / MIB),
      open,
    };
  }
  return { idleConnections: effort.idleConnections, proxies: rows };
}

function openIdle(port: number, request: Buffer, count: number): Promise<RequestLoop[]> {
  const { promise, resolve } = Promise.withResolvers<RequestLoop[]>();
  const connections: RequestLoop[] = [];
  const seen = new Set<RequestLoop>();
  const open = (): void => {
    if (connections.length >= count) return;
    const connection = new RequestLoop(port, request, () => {
      // One that is closed after its answer is told of again.
      if (seen.has(connection)) return;
      seen.add(connection);
      if (seen.size === count) resolve(connections);
      open();
    });
    connections.push(connection);
    connection.send();
  };
  for (let i = 0; i < OPENING; i++) open();
  return promise;
}

export type Direction = "download" | "upload";

/**
 * How much a proxy grows while one large body passes whose reader takes nothing at first and then less than the sender has. Each
 * proxy has carried small requests and a first such stream before, so that what it keeps for the next one is not counted.
 */
export async function streamRow(
  proxies: readonly RunningProxy[],
  peer: StreamPeer,
  work: Work,
  effort: Effort,
  directory: string,
): Promise<object> {
  const rows: Record<string, object> = {};
  for (const proxy of proxies) {
    await warmUp(work, proxy, effort, directory);
    const row: Record<string, object> = {};
    for (const direction of ["download", "upload"] as const) {
      await transfer(proxy, peer, direction, effort.streamBytes / 10);
      await sleep(SETTLE_MS);
      row[direction] = await transfer(proxy, peer, direction, effort.streamBytes);
    }
    rows[proxy.name] = row;
  }
  return { bytes: effort.streamBytes, proxies: rows };
}

async function transfer(
  proxy: RunningProxy,
  peer: StreamPeer,
  direction: Direction,
  bytes: number,
): Promise<object> {
  const pace = { bytes, bytesPerSecond: 200_000_000, stallMs: STALL_MS };
  peer.transfer = pace;
  peer.sent = 0;
  peer.received = 0;
  const before = proxy.process.residentBytes;
  let most = before;
  const sampling = setInterval(() => {
    most = Math.max(most, proxy.process.residentBytes);
  }, SAMPLE_MS);
  let held = 0;
  setTimeout(() => {
    held = peer.sent - peer.received;
  }, STALL_MS - SAMPLE_MS);
  const socket = net.connect({ port: proxy.port, host: "127.0.0.1" });
  const done = direction === "download" ? download(socket, peer) : upload(socket, peer);
  await done;
  clearInterval(sampling);
  return { grownMiB: rounded((most - before) / MIB), heldWhileStalledMiB: rounded(held / MIB) };
}

function download(socket: net.Socket, peer: StreamPeer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { bytes, bytesPerSecond, stallMs } = peer.transfer;
  socket.write("GET /stream HTTP/1.1\r\nHost: stream\r\nConnection: close\r\n\r\n");
  readSlowly(socket, bytesPerSecond, stallMs, (read) => {
    peer.received += read;
  });
  socket.on("end", () => {
    if (peer.received >= bytes) resolve();
    else reject(new Error(`a download of ${bytes} bytes ended after ${peer.received}`));
  });
  socket.on("error", reject);
  return promise;
}

function upload(socket: net.Socket, peer: StreamPeer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { bytes } = peer.transfer;
  socket.write(
    `POST /stream HTTP/1.1\r\nHost: stream\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`,
  );
  sendBytes(socket, bytes, (taken) => {
    peer.sent += taken;
  });
  socket.on("data", (chunk: Buffer) => {
    if (!chunk.toString("latin1").startsWith("HTTP/1.1 200")) reject(new Error("an upload was refused"));
  });
  socket.on("end", resolve);
  socket.on("error", reject);
  return promise;
}
