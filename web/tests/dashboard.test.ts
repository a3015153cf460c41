import { describe, expect, it } from "vitest";
import type { Category, Community } from "../src/api/types";
import { AGES, ageCases, alarmCases, casesAddress, clockCases, countedCases, rateCases } from "../src/dashboard/cases";
import { bucketName, mapOption, shortName, trendOption } from "../src/dashboard/charts";
import { filterAddress, readFilters, statisticsQuery } from "../src/dashboard/filters";
import { barLength, sayChange, sayNumber, sayRate, summedField } from "../src/dashboard/numbers";
import { thinAreas, thinRing } from "../src/dashboard/outlines";
import { isDay, presetDays, sayDays, trendDays, trendInterval, yearBefore } from "../src/dashboard/period";
import { fileName, sheetAddress } from "../src/dashboard/sheets";
import type { Area, Position, TrendRow } from "../src/dashboard/types";

const TODAY = "2026-11-23";
const REFERENCE = {
  communities: [
    { code: "330402009036", name: "清河社区居委会", street: "330402009", street_name: "新嘉街道" },
    { code: "330402001001", name: "别处社区", street: "330402001", street_name: "别处街道" },
  ] as Community[],
  categories: [{ code: "EB-01", group: "电动车充电" }] as Category[],
};
const read = (query: string) => readFilters(new URLSearchParams(query), REFERENCE, TODAY);
const YEAR = read("from=2024-01-01&to=2024-12-31").filters;

describe("the days of a period", () => {
  it("end today, so that both sides of a comparison have as many", () => {
    expect(presetDays("month", TODAY)).toEqual({ from: "2026-11-01", to: TODAY });
    expect(presetDays("quarter", TODAY)).toEqual({ from: "2026-10-01", to: TODAY });
    expect(presetDays("quarter", "2026-01-05")).toEqual({ from: "2026-01-01", to: "2026-01-05" });
    expect(presetDays("year", TODAY)).toEqual({ from: "2026-01-01", to: TODAY });
    expect(presetDays("last_year", TODAY)).toEqual({ from: "2025-01-01", to: "2025-12-31" });
    expect(presetDays("all", TODAY)).toBeNull();
  });

  it.each([
    ["2024-02-29", true],
    ["2023-02-29", false],
    ["2026-13-01", false],
    ["2026-1-1", false],
    ["0024-01-01", false],
    ["heute", false],
  ])("%s is a day: %s", (text, valid) => {
    expect(isDay(text)).toBe(valid);
  });

  it("of the year before are the same dates, and the end of a month stays its end", () => {
    expect(yearBefore({ from: "2026-01-01", to: TODAY })).toEqual({ from: "2025-01-01", to: "2025-11-23" });
    expect(yearBefore({ from: "2024-02-29", to: "2024-02-29" })).toEqual({ from: "2023-02-28", to: "2023-02-28" });
    expect(yearBefore({ from: "2025-02-01", to: "2025-02-28" })).toEqual({ from: "2024-02-01", to: "2024-02-29" });
  });

  it("of a trend are the last twelve months where the period has no ends, or ends that are too far apart", () => {
    const twelve = { from: "2025-12-01", to: TODAY };
    expect(trendDays(null, TODAY)).toEqual(twelve);
    expect(trendDays({ from: "1999-01-01", to: TODAY }, TODAY)).toEqual(twelve);
    expect(trendDays(YEAR.days, TODAY)).toEqual(YEAR.days);
  });

  it("are cut so that a trend has between a week's and three years' bars", () => {
    expect(trendInterval({ from: "2026-11-01", to: TODAY })).toBe("day");
    expect(trendInterval({ from: "2026-10-01", to: TODAY })).toBe("week");
    expect(trendInterval({ from: "2026-01-01", to: TODAY })).toBe("month");
  });

  it("are said in short where they are a whole year or month", () => {
    expect(sayDays({ from: "2024-01-01", to: "2024-12-31" })).toBe("2024 年");
    expect(sayDays({ from: "2024-02-01", to: "2024-02-29" })).toBe("2024 年 2 月");
    expect(sayDays({ from: "2024-02-01", to: "2024-02-28" })).toBe("2024-02-01 – 2024-02-28");
    expect(sayDays({ from: TODAY, to: TODAY })).toBe(TODAY);
  });
});

describe("the filters of an address", () => {
  it("are this year's where nothing is said", () => {
    expect(read("")).toEqual({ filters: { preset: "year", days: { from: "2026-01-01", to: TODAY }, street: "", community: "", group: "", rank: "open" }, ignored: [] });
  });

  it("come back from the address that they make", () => {
    for (const address of [
      "period=month&community=330402009036&group=电动车充电&rank=overdue",
      "from=2024-01-01&to=2024-12-31&street=330402001",
      "period=all",
      "",
    ]) {
      const { filters, ignored } = read(address);
      expect(ignored).toEqual([]);
      expect(read(filterAddress(filters).split("?")[1] ?? "").filters).toEqual(filters);
    }
    expect(filterAddress(read("").filters, "screen")).toBe("#/screen");
  });

  it.each([
    ["period=week", ["period=week"]],
    ["community=330402009999", ["community=330402009999"]],
    ["street=330402001&community=330402009036", ["community=330402009036"]],
    ["group=没有", ["group=没有"]],
    ["rank=people", ["rank=people"]],
    ["colour=red", ["colour=red"]],
    ["from=2024-02-30&to=2024-03-01", ["from=2024-02-30", "to=2024-03-01"]],
    ["from=2024-03-01&to=2024-02-01", ["from=2024-03-01", "to=2024-02-01"]],
    ["from=2024-03-01", ["from=2024-03-01"]],
    ["period=month&period=year", ["period=year"]],
    ["period=month&from=2024-01-01&to=2024-01-02", ["period=month"]],
    [`q=${"x".repeat(99)}`, [`q=${"x".repeat(38)}`]],
  ])("ignore what is wrong in %s and say so", (address, ignored) => {
    expect(read(address).ignored).toEqual(ignored);
  });

  it("are not called wrong while nobody knows yet which places there are", () => {
    const unread = readFilters(new URLSearchParams("community=330402009036&group=燃气"), { communities: [], categories: [] }, TODAY);
    expect(unread).toMatchObject({ ignored: [], filters: { community: "330402009036", group: "燃气" } });
  });

  it("are what the statistics take", () => {
    expect(statisticsQuery({ ...YEAR, street: "1", group: "燃气" }).toString()).toBe("street=1&group=%E7%87%83%E6%B0%94&from=2024-01-01&to=2024-12-31");
    expect(sheetAddress("trend", "csv", { ...YEAR, days: null }, TODAY)).toBe("/statistics/trend?from=2025-12-01&to=2026-11-23&interval=month&format=csv");
    expect(sheetAddress("alerts", "xlsx", { ...YEAR, group: "燃气" }, TODAY)).toBe("/statistics/alerts?from=2024-01-01&to=2024-12-31&format=xlsx");
  });
});

describe("numbers", () => {
  it.each([
    [0, "0"],
    [1234567, "1,234,567"],
    [4.126, "4.13"],
    [null, "—"],
  ])("%s is written %s", (value, text) => {
    expect(sayNumber(value)).toBe(text);
  });

  it.each([
    [1, "100%"],
    [0.9999, "99.9%"],
    [0.0001, "0.1%"],
    [0, "0%"],
    [0.9588, "95.9%"],
    [null, "—"],
  ])("a rate of %s is written %s", (value, text) => {
    expect(sayRate(value)).toBe(text);
  });

  it("change up, down, not at all, or from nothing", () => {
    expect([sayChange(3, 11.17, "持平"), sayChange(-3, -11.17, "持平"), sayChange(0, 0, "持平"), sayChange(3, null, "持平")]).toEqual(["↑ 11.17%", "↓ 11.17%", "持平", "—"]);
  });

  it("have bars that are seen however small they are", () => {
    expect([barLength(50, 200), barLength(1, 100_000), barLength(0, 5), barLength(null, 5), barLength(0, 0)]).toEqual([25, 0.5, 0, 0, 0]);
  });
});

describe("the cases behind a number", () => {
  const query = (text: string) => Array.from(new URLSearchParams(text).entries());

  it("are those that the statistics count, within the filters", () => {
    const found = countedCases({ ...YEAR, community: "330402009036", group: "燃气" }, "overdue", { flagged: true });
    expect(query(found)).toEqual([["community", "330402009036"], ["group", "燃气"], ["counted_as", "overdue"], ["counted_from", "2024-01-01"], ["counted_to", "2024-12-31"], ["flagged", "true"]]);
    expect(query(countedCases(YEAR, "open", { community: "1" }, null))).toEqual([["counted_as", "open"], ["community", "1"]]);
  });

  it("of a rate are two lists, of which the second may leave something out", () => {
    const [above, below] = rateCases(YEAR, "acceptance_rate").map((each) => new URLSearchParams(each));
    expect(above?.get("counted_as")).toBe("accepted");
    expect(below?.get("counted_as")).toBe("received");
    expect(below?.getAll("state")).not.toContain("duplicate");
    expect(below?.getAll("state")).toHaveLength(10);
    expect(new URLSearchParams(rateCases(YEAR, "duplicate_rate")[1]).getAll("state")).toEqual([]);
  });

  it("have ages without a gap and without an overlap", () => {
    const days = AGES.map((age) => new URLSearchParams(ageCases(YEAR, age, TODAY)));
    expect(days.map((each) => [each.get("reported_from"), each.get("reported_to")])).toEqual([
      ["2026-11-17", "2026-11-23"],
      ["2026-10-25", "2026-11-16"],
      ["2026-08-26", "2026-10-24"],
      [null, "2026-08-25"],
    ]);
  });

  it("of a clock lie between the moments that the server has counted by", () => {
    const all = "/office/api/v1/hazards?clock=fix&counted_as=received";
    const at = "2026-11-23T01:00:00Z";
    const bounds = (part: Parameters<typeof clockCases>[1]) => {
      const found = new URLSearchParams(clockCases(all, part, at));
      return [found.get("clock"), found.get("clock_due_from"), found.get("clock_due_before")];
    };
    expect(bounds("on_time")).toEqual(["fix", "2026-11-23T01:00:00.000Z", null]);
    expect(bounds("overdue")).toEqual(["fix", null, "2026-11-23T01:00:00.000Z"]);
    expect(bounds("overdue_3d")).toEqual(["fix", "2026-11-20T01:00:00.000Z", "2026-11-22T01:00:00.000Z"]);
    expect(bounds("overdue_more")).toEqual(["fix", null, "2026-11-16T01:00:00.000Z"]);
  });

  it("of alarms are what devices have opened, also before their cause is found", () => {
    expect(query(alarmCases(YEAR, { outcome: "false_alarm" }))).toEqual([["source", "device"], ["reported_from", "2024-01-01"], ["reported_to", "2024-12-31"], ["outcome", "false_alarm"]]);
  });

  it("have an address of the page, whatever stands before the query", () => {
    expect(casesAddress("/office/api/v1/hazards?counted_as=open")).toBe("#/cases?counted_as=open");
    expect(casesAddress("counted_as=open")).toBe("#/cases?counted_as=open");
  });

  it("add up where the number is a quantity", () => {
    expect(["quantity_found", "quantity_done", "score_total", "received"].map(summedField)).toEqual(["quantity", "quantity_done", "score", null]);
  });
});

describe("outlines", () => {
  const circle = (points: number): Position[] => {
    const ring = Array.from({ length: points }, (_, at): Position => [Math.cos((at / points) * 2 * Math.PI), Math.sin((at / points) * 2 * Math.PI)]);
    return ring.concat([ring[0] ?? [0, 0]]);
  };
  const area = (ring: Position[] | null): Area => ({ id: "1", geometry: ring && { type: "MultiPolygon", coordinates: [[ring]] }, properties: { code: "1", name: "一" }, demo: false });

  it("of ten thousand points keep what a screen can show", () => {
    const [found] = thinAreas({ features: [area(circle(10_000)), area(null)] });
    const ring = found?.geometry?.coordinates[0]?.[0] ?? [];
    expect(ring.length).toBeGreaterThan(1000);
    expect(ring.length).toBeLessThan(7000);
    expect(ring[0]).toEqual(ring[ring.length - 1]);
  });

  it("stay closed areas however small they are", () => {
    expect(thinRing(circle(10), 1000)).toHaveLength(4);
    expect(thinRing(circle(3), 1000)).toEqual(circle(3));
    expect(thinAreas({ features: [area(null)] })).toEqual([]);
  });
});

describe("charts", () => {
  const COLOURS = { ink: "#000", ink2: "#000", paper: "#fff", line: "#eee", accent: "#00f", before: "#f80", low: "#eef", high: "#00f", text: 14, font: "sans-serif" };
  const row = (from: string, received: number): TrendRow => ({ from, to: from, received, accepted: 0, closed: 0, fixed: 0 });

  it("show a year beside the year before, whose last days may be missing", () => {
    const now = [row("2024-01-01", 4), row("2024-02-01", 5)];
    const option = trendOption("received", now, [row("2023-01-01", 3)], "month", { now: "本期", before: "去年" }, COLOURS) as { series: { data: unknown[] }[]; xAxis: { data: string[] } };
    expect(option.series.map((each) => each.data)).toEqual([[4, 5], [3, null]]);
    expect(option.xAxis.data).toEqual(["1月", "2月"]);
    expect(bucketName(row("2024-06-03", 1), "week")).toBe("6-03");
  });

  it("write names on a map as they are, also such as contain markup", () => {
    const option = mapOption("open", [{ code: "1", name: "<b>社区居委会", value: 3 }, { code: "2", name: "二", value: null }], COLOURS);
    const { series, tooltip, visualMap } = option as { series: { label: { formatter: (at: { name: string }) => string } }[]; tooltip: { renderMode: string; formatter: (at: { name: string }) => string }; visualMap: { max: number } };
    expect(series[0]?.label.formatter({ name: "1" })).toBe("<b>社区");
    expect([tooltip.renderMode, tooltip.formatter({ name: "1" }), tooltip.formatter({ name: "9" })]).toEqual(["richText", "<b>社区居委会  3", ""]);
    expect(visualMap.max).toBe(3);
    expect(["清河社区居民委员会", "东升村村委会", "东升村民委员会", "新村"].map(shortName)).toEqual(["清河社区", "东升村", "东升村", "新村"]);
  });
});

describe("files", () => {
  it("have the name that the server gives", () => {
    expect(fileName("attachment; filename*=UTF-8''%E7%A4%BE%E5%8C%BA.xlsx")).toBe("社区.xlsx");
    expect(fileName("")).toBe("anxun");
  });
});
