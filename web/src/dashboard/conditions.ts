/** What an address of cases asks for, in words. */
import { categoryName, communityName, state } from "../shared/state";
import { tCode } from "../words";
import { d } from "../words/dashboard";
import { sayTime } from "../words/times";
import { serverNow } from "./state";

export function conditions(query: URLSearchParams): string[] {
  const said: string[] = [];
  const one = (name: string, words: (value: string) => string): void => {
    const found = query.getAll(name);
    if (found.length) said.push(found.map(words).join("、"));
  };
  const range = (first: string, last: string, name: string): void => {
    if (first || last) said.push(`${name} ${first || "…"} – ${last || "…"}`);
  };
  range(query.get("counted_from") ?? "", query.get("counted_to") ?? "", d("period"));
  range(query.get("reported_from") ?? "", query.get("reported_to") ?? "", d("col.reported"));
  one("street", (code) => state.communities.find((each) => each.street === code)?.street_name ?? code);
  one("community", communityName);
  one("group", (name) => name);
  one("category", categoryName);
  one("source", (name) => (name === "device" ? d("fromDevices") : name));
  one("outcome", (name) => tCode("outcome", name));
  if (query.get("flagged") === "true") said.push(d("flag.all"));
  if (query.get("open") === "true") said.push(d("open"));
  if (query.getAll("state").length && !query.getAll("state").includes("duplicate")) said.push(d("notDuplicate"));
  one("clock", (name) => d("clockOf", { name: clockName(name) }));
  range(time(query.get("clock_due_from")), time(query.get("clock_due_before")), d("col.due"));
  return said;
}

const CLOCKS = ["accept", "start", "fix", "recheck", "review", "reply"] as const;

function clockName(name: string): string {
  const known = CLOCKS.find((each) => each === name);
  return known ? d(`clockName.${known}`) : name;
}

function time(moment: string | null): string {
  return moment && !Number.isNaN(Date.parse(moment)) ? sayTime(moment, serverNow.value) : (moment ?? "");
}
