import { describe, expect, it } from "vitest";
import type { Hazard } from "../src/api/types";
import { byClock, clockOf, urgency } from "../src/shared/clocks";
import { nearestFirst } from "../src/phone/distance";
import { sortSteps } from "../src/shared/steps";

const NOW = Date.parse("2026-11-23T01:00:00Z");
const HOUR = 3_600_000;

function hazard(more: Partial<Hazard>): Hazard {
  return { state: "rectifying", reported_at: "2026-11-20T01:00:00Z", accepted_at: "2026-11-20T01:00:00Z", advisory: false, ...more } as Hazard;
}
const inHours = (hours: number) => new Date(NOW + hours * HOUR).toISOString();

describe("the clock that runs", () => {
  it.each([
    [hazard({ due_at: inHours(52) }), "整改 · 还剩 2 天 4 小时", ""],
    [hazard({ due_at: inHours(-3) }), "整改 · 逾期 3 小时", "late"],
    [hazard({ due_at: inHours(5) }), "整改 · 还剩 5 小时", "soon"],
    [hazard({ state: "reported", accept_due_at: inHours(1) }), "受理 · 还剩 1 小时", "soon"],
    [hazard({ state: "pending_recheck", due_at: inHours(-9), recheck_due_at: inHours(40) }), "复查 · 还剩 1 天 16 小时", ""],
    [hazard({ state: "suspended", review_due_at: inHours(40), suspension: { reason: "等施工队" } as Hazard["suspension"] }), "暂缓：等施工队", "still"],
    [hazard({ due_at: inHours(-9), advisory: true }), "", "still"],
    [hazard({ state: "cancelled", due_at: null }), "", "still"],
  ])("%#", (given, words, mood) => {
    expect(clockOf(given, NOW)).toMatchObject({ words, mood });
  });

  it("sorts by the time that is left, and what has none comes last", () => {
    const list = [hazard({ due_at: null }), hazard({ due_at: inHours(9) }), hazard({ due_at: inHours(-1) })];
    expect(list.sort(byClock).map((each) => each.due_at)).toEqual([inHours(-1), inHours(9), null]);
  });

  it.each([[-1, "late"], [14.9, "today"], [15.1, "week"], [24 * 8, "rest"]])("counts %d hours as %s", (hours, kind) => {
    expect(urgency(hazard({ due_at: inHours(hours) }), NOW)).toBe(kind);
  });
});

it("shows the steps that carry the loop on first, and no step that this page does not know", () => {
  const { leading, others } = sortSteps(["note", "cancel", "return", "start", "submit_fix", "of_a_newer_server"]);
  expect(leading).toEqual(["start", "submit_fix"]);
  expect(others).toEqual(["note", "cancel", "return"]);
});

it("sorts look-backs by their distance, and those without a comparable point stay behind in their order", () => {
  const at = (lat: number | null, crs: "wgs84" | "gcj02" = "wgs84") => hazard({ point: lat === null ? null : { lat, lon: 120.75, crs } });
  const [first, far, mapped, near] = [at(null), at(30.8), at(30.76, "gcj02"), at(30.763)] as const;
  expect(nearestFirst([first, far, mapped, near], { lat: 30.762, lon: 120.75, crs: "wgs84" })).toEqual([near, far, first, mapped]);
});
