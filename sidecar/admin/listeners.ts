import { endpointAddress } from "../../xds/model/endpoint.ts";
import type { ListenerView } from "../proxy/index.ts";

/** `/listeners` as Envoy writes it, with why one is not bound. */
export function listenersText(views: readonly ListenerView[]): string {
  const lines = views.map(({ name, bound, failure }) => {
    const where = bound ? endpointAddress(bound.host, bound.port) : "not bound";
    return `${name}::${where}${failure === "" ? "" : `: ${failure}`}\n`;
  });
  return lines.join("");
}

/** Envoy's `admin.v3.ListenerStatus`, with everything that Dashpot knows of it under `dashpot`. */
export function listenerStatus(view: ListenerView): object {
  const { name, bound } = view;
  const socket = bound && { address: bound.host, port_value: bound.port };
  return { name, ...(socket ? { local_address: { socket_address: socket } } : {}), dashpot: view };
}
