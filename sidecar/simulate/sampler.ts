import type { Recording } from "./recording.ts";
import type { Server } from "./server.ts";
import type { SimulatedClient } from "./simulated-client.ts";

/** Sidecars whose weights are looked at for the picture: all see much the same. */
const SAMPLED_CLIENTS = 5;

/** Writes the queues of this moment into the recording, and the mean of the weights that a few sidecars give each endpoint. */
export function takeSample(
  recording: Recording,
  number: number,
  servers: readonly Server[],
  clients: readonly SimulatedClient[],
): void {
  const width = servers.length;
  const from = number * width;
  for (const [index, server] of servers.entries()) recording.queues[from + index] = server.rif;
  const watched = clients.slice(0, SAMPLED_CLIENTS).filter((client) => client.policy.view);
  const weights = recording.weights.subarray(from, from + width);
  if (watched.length > 0) weights.fill(0);
  for (const client of watched) {
    for (const { slot, weight } of client.policy.view?.().endpoints ?? []) {
      weights[client.endpoint(slot)]! += weight / watched.length;
    }
  }
}
