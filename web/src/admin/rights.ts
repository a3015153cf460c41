/** Which roles may do what, as the server's policy table says it; a test compares the two. The server decides. */
import { hasRole } from "../shared/state";

const BUSINESS = ["officer", "supervisor"];
const SYSTEM = ["admin", "system_admin"];
const SECURITY = ["admin", "security_admin"];
const AUDIT = ["admin", "audit_admin"];
const EVERYONE = [
  "inspector", "officer", "handler", "supervisor", "analyst", "device", "admin", "system_admin", "security_admin", "audit_admin",
];

export const RIGHTS = {
  "place.manage": SYSTEM,
  "people.see": [...BUSINESS, "admin", "system_admin", "security_admin", "audit_admin"],
  "people.manage": ["admin", "system_admin", "security_admin"],
  "account.manage": SYSTEM,
  "rights.manage": SECURITY,
  "admin_request.decide": ["admin", "system_admin", "security_admin", "audit_admin"],
  "security.see": AUDIT,
  "metrics.see": SYSTEM,
  "key.manage": SECURITY,
  "delegation.see": EVERYONE,
  "delegation.make": ["supervisor"],
  "delegation.revoke": ["supervisor", "admin", "security_admin"],
  "delivery.manage": SYSTEM,
  "device.see": [...BUSINESS, ...SYSTEM],
  "device.manage": SYSTEM,
  "rules.see": [...BUSINESS, ...SYSTEM],
  "rules.edit": SYSTEM,
  "ledger.import": ["admin"],
} as const satisfies Record<string, readonly string[]>;

export type Right = keyof typeof RIGHTS;

export function may(right: Right): boolean {
  return hasRole(...RIGHTS[right]);
}
