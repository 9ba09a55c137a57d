import { headerNameOf } from "./header-match-from-proto.ts";
import type { Scope } from "./scope.ts";

/** The protocol that an upgrade is for, in lower case. */
export function upgradeTypeOf(scope: Scope, upgradeType: string): string {
  const type = headerNameOf(scope, "upgrade_type", upgradeType);
  // It would carry requests past everything that routes and counts them (RFC 9113, 3.1 has withdrawn it).
  if (type === "h2c") scope.at("upgrade_type").warn("has no effect: upgrades to h2c are never passed on");
  return type;
}
