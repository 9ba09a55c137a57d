import { once } from "node:events";
import net, { type AddressInfo } from "node:net";

const PIECE = Buffer.alloc(64 * 1_024, "x");

/** Reads a socket at about `bytesPerSecond`, after having read nothing at all for `stallMs`. */
export function readSlowly(
  socket: net.Socket,
  bytesPerSecond: number,
  stallMs: number,
  onBytes: (bytes: number) => void,
): void {
  const begun = performance.now() + stallMs;
  let read = 0;
  const resume = (): void => void socket.resume();
  socket.pause();
  setTimeout(resume, stallMs);
  socket.on("data", (chunk: Buffer) => {
    read += chunk.length;
    onBytes(chunk.length);
    const aheadMs = (read / bytesPerSecond) * 1_000 - (performance.now() - begun);
    if (aheadMs < 2) return;
    socket.pause();
    setTimeout(resume, aheadMs);
  });
}

/** Sends `bytes` as fast as they are taken; `onTaken` hears what the kernel has taken. */
export function sendBytes(socket: net.Socket, bytes: number, onTaken: (bytes: number) => void): void {
  let left = bytes;
  const go = (): void => {
    while (left > 0) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      const more = socket.write(piece, () => onTaken(piece.length));
      if (!more) return;
    }
    socket.off("drain", go);
  };
  socket.on("drain", go);
  go();
}

export interface StreamTransfer {
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly stallMs: number;
}

/**
 * The endpoint behind the large transfers. It sends a download as fast as it is taken, and takes an upload slowly. One transfer at a
 * time, told beforehand.
 */
export class StreamPeer {
  readonly #server: net.Server;
  transfer: StreamTransfer = { bytes: 0, bytesPerSecond: 1, stallMs: 0 };
  /** Of the transfer: what the kernel took from the sender, and what its reader has read. */
  sent = 0;
  received = 0;

  private constructor(server: net.Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async start(): Promise<StreamPeer> {
    const server = net.createServer({ noDelay: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new StreamPeer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): void {
    this.#server.close();
  }

  #serve(socket: net.Socket): void {
    socket.on("error", () => {});
    let head = "";
    const onHead = (chunk: Buffer): void => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", onHead);
      if (head.startsWith("GET")) this.#download(socket);
      else this.#upload(socket, head.length - end - 4);
    };
    socket.on("data", onHead);
  }

  #download(socket: net.Socket): void {
    const { bytes } = this.transfer;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`);
    sendBytes(socket, bytes, (taken) => {
      this.sent += taken;
    });
  }

  #upload(socket: net.Socket, begun: number): void {
    const { bytes, bytesPerSecond, stallMs } = this.transfer;
    this.received = begun;
    readSlowly(socket, bytesPerSecond, stallMs, (read) => {
      this.received += read;
      if (this.received >= bytes) {
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      }
    });
  }
}
