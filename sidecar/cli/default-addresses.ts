/** Where people look for a sidecar, unless they said otherwise: on loopback, at the ports of Istio's sidecar. */
export const DEFAULT_ADMIN = Object.freeze({ host: "127.0.0.1", port: 15_000 });
export const DEFAULT_OUTBOUND = Object.freeze({ host: "127.0.0.1", port: 15_001 });
