import type { LocalityPolicy } from "../../xds/model/cluster.ts";

export interface LocalityLoad {
  readonly zone: string;
  /** The control plane's weight of the locality. */
  readonly weight: number | undefined;
  readonly usable: number;
  readonly total: number;
}

/**
 * Part of a priority's picks per locality, or undefined when localities do not matter.
 *
 * Weighted: the locality's weight times its availability, as in Envoy. Zone aware: this zone takes its own callers'
 * requests as far as its endpoints suffice; the rest goes where endpoints are to spare. How many callers each zone has is
 * not known here, so they are taken to be spread evenly over the zones that have endpoints.
 */
export function localityLoads(
  localities: readonly LocalityLoad[],
  factor: number,
  panic: boolean,
  options: { readonly locality: LocalityPolicy; readonly localZone: string },
): readonly number[] | undefined {
  const policy = options.locality;
  if (policy.kind === "weighted") {
    return normalised(
      localities.map((l) =>
        l.total === 0 ? 0 : (l.weight ?? 0) * Math.min(1, ((factor / 100) * l.usable) / l.total),
      ),
    );
  }
  if (panic || !prefersZone(localities, options)) return undefined;
  const usable = sum(localities);
  const local = sum(localities.filter((l) => l.zone === options.localZone));
  const zones = new Set(localities.filter((l) => l.usable > 0).map((l) => l.zone)).size;
  const evenly = localities.map((l) => l.usable / usable);
  const callers = 1 / zones;
  const here = Math.min(1, local / usable / callers);
  const spare = new Map<string, number>();
  for (const [i, l] of localities.entries()) spare.set(l.zone, (spare.get(l.zone) ?? -callers) + evenly[i]!);
  const spareElsewhere = [...spare.values()].reduce((a, part) => a + Math.max(0, part), 0);
  const inZone = new Map<string, number>();
  for (const l of localities) inZone.set(l.zone, (inZone.get(l.zone) ?? 0) + l.usable);
  const aware = policy.zoneRoutingEnabled / 100;
  return localities.map((l, i) => {
    const ofZone = l.usable / Math.max(1, inZone.get(l.zone)!);
    const zone =
      l.zone === options.localZone
        ? here
        : spareElsewhere === 0
          ? 0
          : ((1 - here) * Math.max(0, spare.get(l.zone)!)) / spareElsewhere;
    return aware * zone * ofZone + (1 - aware) * evenly[i]!;
  });
}

/** Whether zones matter: this sidecar knows its own, which has endpoints, in a cluster that is large enough. */
export function prefersZone(
  localities: readonly LocalityLoad[],
  { locality, localZone }: { readonly locality: LocalityPolicy; readonly localZone: string },
): boolean {
  if (locality.kind !== "zone_aware" || localZone === "") return false;
  const local = sum(localities.filter((l) => l.zone === localZone));
  return local > 0 && sum(localities) >= locality.zoneMinClusterSize;
}

function sum(localities: readonly LocalityLoad[]): number {
  return localities.reduce((a, l) => a + l.usable, 0);
}

function normalised(parts: readonly number[]): readonly number[] | undefined {
  const total = parts.reduce((a, b) => a + b, 0);
  return total > 0 ? parts.map((part) => part / total) : undefined;
}
