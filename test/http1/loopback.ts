/**
 * Where everything of the corpus listens. An address of its own, where the system has more than one for itself: somebody else's client
 * that still knocks at a port of 127.0.0.1 that the kernel has given anew would be taken for the proxy.
 */
export const LOOPBACK = process.platform === "linux" ? "127.83.69.1" : "127.0.0.1";
