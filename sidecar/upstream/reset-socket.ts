import type { Socket } from "node:net";

/**
 * Ends a connection by RST, so that its peer does not take what it has for the whole. With TLS the missing close_notify says the
 * same (RFC 8446, 6.1), and Node resets TCP alone. A socket whose FIN is on its way is closed: it has sent its whole, and libuv
 * refuses to reset it, upon which Node would leave its descriptor open for ever.
 */
export function resetSocket(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if ("encrypted" in socket || isEnding) socket.destroy();
  else socket.resetAndDestroy();
}
