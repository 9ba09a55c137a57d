import { promises as dns } from "node:dns";
import type { Discovery } from "../../xds/model/cluster.ts";

export type AddressFamilies = Extract<Discovery, { kind: "dns" }>["families"];

export interface Resolved {
  /** IP literals, in the order they are to be used. */
  readonly addresses: readonly string[];
  /** How long the answer holds, in ms; Infinity: it did not say. */
  readonly ttlMs: number;
}

/** Turns a host name into addresses. Rejects when there is no answer at all. */
export type ResolveName = (name: string, families: AddressFamilies) => Promise<Resolved>;

/**
 * Asks the name servers by c-ares, which blocks no thread and tells the TTL; for names they do not know (those of the hosts
 * file, `localhost`) the system's own resolver is asked.
 */
export function createNameResolver(timeoutMs: number): ResolveName {
  const resolver = new dns.Resolver({ timeout: timeoutMs, tries: 2 });
  return async (name, families) => {
    try {
      return await viaServers(resolver, name, families);
    } catch {
      return viaSystem(name, families);
    }
  };
}

async function viaServers(
  resolver: dns.Resolver,
  name: string,
  families: AddressFamilies,
): Promise<Resolved> {
  const wantsV4 = families !== "v6_only";
  const wantsV6 = families !== "v4_only";
  const [v4, v6] = await Promise.allSettled([
    wantsV4 ? resolver.resolve4(name, { ttl: true }) : [],
    wantsV6 ? resolver.resolve6(name, { ttl: true }) : [],
  ]);
  const found4 = v4.status === "fulfilled" ? v4.value : [];
  const found6 =
    v6.status === "fulfilled" && (families !== "v4_preferred" || found4.length === 0) ? v6.value : [];
  const records = [...found4, ...found6];
  if (records.length === 0) throw new Error(`no address for ${name}`);
  return {
    addresses: records.map(({ address }) => address),
    ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1_000,
  };
}

async function viaSystem(name: string, families: AddressFamilies): Promise<Resolved> {
  const found = await dns.lookup(name, {
    all: true,
    order: families === "v6_only" ? "ipv6first" : "ipv4first",
  });
  const v4 = found.filter(({ family }) => family === 4 && families !== "v6_only");
  const v6 = found.filter(({ family }) => family === 6 && families !== "v4_only");
  const chosen = families === "v4_preferred" && v4.length > 0 ? v4 : [...v4, ...v6];
  if (chosen.length === 0) throw new Error(`no address of the wanted family for ${name}`);
  return { addresses: chosen.map(({ address }) => address), ttlMs: Number.POSITIVE_INFINITY };
}
