import { describe, expect, it } from "vitest";
import type { Field, Values } from "../src/admin/describe";
import { checkGrants, expandGrants, grantRowOf, groupGrants } from "../src/admin/grants";
import { figures, parseMetrics } from "../src/admin/metrics";
import { compareDays, monthGrid, type SpecialDay } from "../src/admin/months";
import { checkValues, closeValues, openValues, placeProblems } from "../src/admin/values";

const TERM: Field = { path: "rules.recheck", label: "复查期限", kind: "term" };
const SPANS: Field = { path: "rules.office_hours", label: "工作时间", kind: "list", fields: [{ path: "", label: "时段", kind: "span" }] };
const QUIET: Field = { path: "rules.quiet_hours", label: "免打扰", kind: "span", optional: true };
const LADDER: Field = {
  path: "rules.ladders.general",
  label: "一般",
  kind: "list",
  fields: [
    { path: "name", label: "名称", kind: "line" },
    { path: "before", label: "之前", kind: "term", optional: true },
    { path: "tells", label: "通知", kind: "choice" },
  ],
};
const RULES = [TERM, SPANS, QUIET, LADDER];
const BODY = {
  version: 3,
  rules: {
    recheck: { amount: 3, unit: "wd" },
    office_hours: [["08:30:00", "12:00:00"], ["13:30:00", "17:30:00"]],
    quiet_hours: null,
    ladders: { general: [{ name: "fix.overdue", before: null, tells: "officer" }], major: [] },
    unseen: 7,
  },
};

describe("the fields of a form", () => {
  it("hand back the body that they were opened with, and what no field shows", () => {
    expect(closeValues(RULES, openValues(RULES, BODY))).toEqual(BODY);
  });

  it("leave the body alone that they were opened with", () => {
    const values = openValues(RULES, BODY) as { rules: { recheck: { amount: number } } };
    values.rules.recheck.amount = 99;
    expect(BODY.rules.recheck.amount).toBe(3);
  });

  it.each([
    ["8:30", "08:30:00"],
    ["22：00", "22:00:00"],
    ["半夜", "半夜"],
  ])("send the time %s as %s", (typed, sent) => {
    const values = { rules: { quiet_hours: [typed, "07:00"] } };
    expect(closeValues([QUIET], values)).toEqual({ rules: { quiet_hours: [sent, "07:00:00"] } });
  });

  it("send an instant by the clocks of Shanghai", () => {
    const field: Field = { path: "until", label: "结束", kind: "moment" };
    expect(openValues([field], { until: "2026-11-23T16:00:00Z" })).toEqual({ until: "2026-11-24T00:00" });
    expect(closeValues([field], { until: "2026-11-24T00:00" })).toEqual({ until: "2026-11-24T00:00:00+08:00" });
    expect(closeValues([field], { until: "" })).toEqual({ until: null });
  });

  it.each<[string, Partial<Field>, unknown]>([
    ["empty, where something has to be there, so that the server says so", {}, ""],
    ["as null, where nothing may be there", { optional: true }, null],
    ["not at all, where it may be left out", { optional: true, leftOut: true }, undefined],
  ])("send an empty line %s", (_, more, sent) => {
    const field: Field = { path: "email", label: "邮箱", kind: "line", ...more };
    expect(closeValues([field], { email: "  " })).toEqual({ email: sent });
  });

  it("send a password as it was typed", () => {
    expect(closeValues([{ path: "password", label: "密码", kind: "password" }], { password: " a b " })).toEqual({ password: " a b " });
  });

  it("leave empty rows and cells of a table out", () => {
    const rows = [{ value: "temperature_c", label: "温度" }, { value: "voltage_v", label: "电压" }];
    const field: Field = { path: "thresholds", label: "阈值", kind: "table", rows };
    const thresholds = { temperature_c: { warn: 60, alarm: 70, critical: 90, rise: null }, voltage_v: { warn: null } };
    expect(closeValues([field], { thresholds })).toEqual({ thresholds: { temperature_c: { warn: 60, alarm: 70, critical: 90 } } });
  });
});

describe("refusals", () => {
  const place = (field: string) => placeProblems(RULES, [{ field, message: "不行" }], BODY as Values);

  it.each([
    ["rules.recheck.amount", "rules.recheck"],
    ["rules.office_hours[1][0]", "rules.office_hours.1"],
    ["rules.ladders.general[0].tells", "rules.ladders.general.0.tells"],
    ["rules.ladders.general[0].before.amount", "rules.ladders.general.0.before"],
    ["rules.ladders.general[0].unknown", "rules.ladders.general"],
    ["rules.ladders.general", "rules.ladders.general"],
  ])("about %s stand at %s", (field, at) => {
    expect(place(field)).toEqual({ wrong: { [at]: "不行" }, rest: [] });
  });

  it("about what no field shows stand above the form", () => {
    expect(place("rules")).toEqual({ wrong: {}, rest: ["不行"] });
    expect(place("rules.recheck_more")).toEqual({ wrong: {}, rest: ["不行"] });
  });

  it("about one field are all shown", () => {
    const twice = [{ field: "rules.recheck.amount", message: "太小" }, { field: "rules.recheck.unit", message: "没有" }];
    expect(placeProblems(RULES, twice, BODY as Values).wrong).toEqual({ "rules.recheck": "太小；没有" });
  });
});

describe("grants", () => {
  const two = [{ role: "officer", scope: "330402009036" }, { role: "officer", scope: "330402009037" }];
  const timed = { role: "handler", scope: "", since: null, until: "2026-12-31T16:00:00Z" };

  it("of one role and period share a row", () => {
    const rows = groupGrants([...two, timed]);
    expect(rows).toEqual([
      { role: "officer", scopes: ["330402009036", "330402009037"], since: "", until: "" },
      { role: "handler", scopes: [""], since: "", until: "2027-01-01T00:00" },
    ]);
    expect(expandGrants(rows)).toEqual([
      { ...two[0], since: null, until: null },
      { ...two[1], since: null, until: null },
      { ...timed, until: "2027-01-01T00:00:00+08:00" },
    ]);
  });

  it("that somebody lends are no part of the account", () => {
    expect(groupGrants([{ role: "supervisor", scope: "", by: "li" }])).toEqual([]);
  });

  it("are found again by the number that a refusal names", () => {
    const rows = groupGrants([...two, timed]);
    expect([0, 1, 2, 9].map((index) => grantRowOf(rows, index))).toEqual([0, 0, 1, 1]);
    const field: Field = { path: "grants", label: "角色", kind: "grants" };
    expect(placeProblems([field], [{ field: "grants[2].until", message: "太早" }], { grants: rows }).wrong).toEqual({ "grants.1": "太早" });
  });

  it("without a role or a community are said to be unfinished before anything is sent", () => {
    const rows = [{ role: "", scopes: [""], since: "", until: "" }, { role: "officer", scopes: [], since: "", until: "" }];
    expect(checkGrants("grants", rows)).toEqual({ "grants.0": "请选择角色", "grants.1": "请选择社区" });
    const field: Field = { path: "grants", label: "角色", kind: "grants" };
    expect(checkValues([field], { grants: groupGrants(two) })).toEqual({});
  });
});

describe("the calendar", () => {
  const day = (at: string, working: boolean, name: string): [string, SpecialDay] => [at, { day: at, working, name }];

  it("shows a month in weeks that begin on Monday", () => {
    const weeks = monthGrid(2026, 10, new Map([day("2026-10-01", false, "国庆节"), day("2026-10-10", true, "调休上班")]));
    expect(weeks.map((week) => week.map((each) => each?.number ?? 0))).toEqual([
      [0, 0, 0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9, 10, 11],
      [12, 13, 14, 15, 16, 17, 18],
      [19, 20, 21, 22, 23, 24, 25],
      [26, 27, 28, 29, 30, 31, 0],
    ]);
    expect(weeks[0]?.[3]).toMatchObject({ day: "2026-10-01", working: false, weekend: false });
    expect(weeks[1]?.[5]).toMatchObject({ day: "2026-10-10", working: true, weekend: true });
    expect(weeks[1]?.[6]).toMatchObject({ working: false, special: null });
  });

  it("knows the length of February", () => {
    const last = (year: number) => Math.max(...monthGrid(year, 2, new Map()).map((week) => Math.max(...week.map((each) => each?.number ?? 0))));
    expect([2024, 2026].map(last)).toEqual([29, 28]);
  });

  it("tells which days were changed", () => {
    const before = new Map([day("2026-10-01", false, "国庆节"), day("2026-10-02", false, "国庆节"), day("2026-10-10", true, "调休上班")]);
    const after = new Map([day("2026-10-01", false, "国庆节"), day("2026-10-02", false, "放假"), day("2026-10-11", true, "调休上班")]);
    expect(compareDays(before, after).map((each) => [each.day, each.before?.name, each.after?.name])).toEqual([
      ["2026-10-02", "国庆节", "放假"],
      ["2026-10-10", "调休上班", undefined],
      ["2026-10-11", undefined, "调休上班"],
    ]);
  });
});

describe("the health of the server", () => {
  const TEXT = `# HELP anxun_requests_total Requests.
anxun_requests_total{method="GET",route="/a",status="200"} 8.0
anxun_requests_total{method="GET",route="/a\\"b,c",status="503"} 2.0
anxun_request_seconds_sum{route="/a"} 0.5
anxun_request_seconds_count{route="/a"} 10.0
anxun_hazards{standing="overdue",street="330402009"} 3.0
anxun_hazards{standing="on_time",street="330402009"} 4.0
anxun_oldest_open_seconds{street="330402009"} 7200.0
`;

  it("is read from the text that Prometheus reads", () => {
    expect(parseMetrics(TEXT)[1]).toEqual({ name: "anxun_requests_total", labels: { method: "GET", route: '/a\\"b,c', status: "503" }, value: 2 });
  });

  it("is said in words", () => {
    expect(figures(TEXT).map((each) => [each.value, each.mood])).toEqual([
      ["10 次，其中服务器出错 2 次", "late"],
      ["50 毫秒", ""],
      ["7 起，其中逾期 3 起", "late"],
      ["2 小时", ""],
    ]);
  });
});
