/** The ledger as a workbook, by those filters of the board that a ledger has. */
import { NoServer } from "../api/answers";
import { API, fetchWithin } from "../api/http";
import { authorization } from "../api/session";
import type { Filters } from "./filters";

/** Throws NoServer. */
export async function downloadLedger(filters: Filters): Promise<void> {
  const query = new URLSearchParams();
  for (const name of ["street", "community", "group", "category"] as const) if (filters[name]) query.set(name, filters[name]);
  const response = await fetchWithin(`${API}/ledger.xlsx?${query.toString()}`, { headers: authorization(), credentials: "same-origin", redirect: "error" });
  if (!response.ok) throw new NoServer("network");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = "ledger.xlsx";
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000);
}
