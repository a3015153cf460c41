import { describe, expect, it } from "vitest";
import type { Category, Community, Hazard, HistoryEntry } from "../src/api/types";
import { batchItems, inChunks, refusalWords, sumUp } from "../src/board/batch";
import { columnQuery, COLUMNS } from "../src/board/columns";
import { filterAddress, readFilters } from "../src/board/filters";
import { BINDINGS, commandOf } from "../src/board/keys";
import { doneMeanwhile, tellStory } from "../src/board/story";
import { clockLine } from "../src/board/timeline";
import { scrollToRow, visibleSlice } from "../src/board/windowing";
import { eventParser } from "../src/api/events";

const CATEGORIES = [
  { code: "EB-01", group: "电动车充电", from_device: false },
  { code: "EL-06", group: "用电监测", from_device: true },
] as Category[];
const COMMUNITIES = [{ code: "330402009036", street: "330402009" }] as Community[];
const REFERENCE = { categories: CATEGORIES, communities: COMMUNITIES };
const MINUTE = 60_000;
const START = Date.parse("2026-11-23T01:00:00Z");
const at = (minutes: number) => new Date(START + minutes * MINUTE).toISOString();

describe("the filters in the address", () => {
  it("are read as they were written", () => {
    const filters = { community: "330402009036", category: "EB-01", q: "3幢 & 门厅" };
    expect(readFilters(new URLSearchParams(filterAddress(filters)), REFERENCE)).toEqual({ filters, wrong: [] });
    expect(filterAddress({ q: "" })).toBe("");
  });

  it.each([
    ["foo=1", "unknown"],
    ["community=330402009099", "gone"],
    ["street=330499", "gone"],
    ["category=XX-99", "gone"],
    ["group=老的大类", "gone"],
    ["q=a&q=b", "repeated"],
    [`q=${"长".repeat(101)}`, "long"],
  ])("%s is named and left out", (query, kind) => {
    const { filters, wrong } = readFilters(new URLSearchParams(query), REFERENCE);
    expect(wrong.map((each) => each.kind)).toEqual([kind]);
    expect(filters).toEqual(kind === "repeated" ? { q: "a" } : {});
  });
});

describe("the questions of the columns", () => {
  it("ask for what is open, and keep the filters", () => {
    for (const column of COLUMNS) {
      const query = columnQuery(column, { community: "330402009036", q: "门厅" }, CATEGORIES);
      expect([query?.get("open"), query?.get("community"), query?.get("q")]).toEqual(["true", "330402009036", "门厅"]);
    }
  });

  it("ask for alarms by the categories of devices only", () => {
    expect(columnQuery("alarms", {}, CATEGORIES)?.getAll("category")).toEqual(["EL-06"]);
    expect(columnQuery("alarms", { category: "EL-06" }, CATEGORIES)?.getAll("category")).toEqual(["EL-06"]);
    expect(columnQuery("alarms", { category: "EB-01" }, CATEGORIES)).toBeNull();
  });
});

describe("a long list", () => {
  it("draws what is in view and a few rows around it, wherever it is scrolled", () => {
    for (const scrolled of [0, 5_000, 73_900, 740_000]) {
      const { from, to } = visibleSlice(10_000, 74, scrolled, 800);
      expect(to - from).toBeLessThanOrEqual(24);
      expect(from * 74).toBeLessThanOrEqual(scrolled);
      expect(to * 74).toBeGreaterThanOrEqual(Math.min(740_000, scrolled + 800));
    }
    expect(visibleSlice(0, 74, 0, 800)).toEqual({ from: 0, to: 0 });
  });

  it("scrolls only if the row is out of view", () => {
    expect(scrollToRow(3, 74, 0, 800)).toBeNull();
    expect(scrollToRow(0, 74, 100, 800)).toBe(0);
    expect(scrollToRow(20, 74, 0, 800)).toBe(21 * 74 - 800);
  });
});

describe("keys", () => {
  const press = (key: string, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, ...more });

  it("mean one command each", () => {
    const keys = ([] as string[]).concat(...BINDINGS.map((each) => each.keys));
    expect(new Set(keys).size).toBe(keys.length);
    expect(commandOf(press("j"), false)).toBe("next");
    expect(commandOf(press("X"), false)).toBe("selectAll");
  });

  it("belong to the browser with Ctrl, and to a field in which somebody types", () => {
    expect(commandOf(press("a", { ctrlKey: true }), false)).toBeNull();
    expect(commandOf(press("a"), true)).toBeNull();
    expect(commandOf(press("Escape"), true)).toBe("close");
  });
});

describe("a batch", () => {
  it("names the version that was seen, and an id of its own for each step", () => {
    const items = batchItems([{ id: "a", version: 3 }, { id: "b", version: 1 }] as Hazard[], "accept");
    expect(items.map((each) => [each.hazard, each.step.version, each.step.step])).toEqual([["a", 3, "accept"], ["b", 1, "accept"]]);
    expect(new Set(items.map((each) => each.step.id)).size).toBe(2);
  });

  it("goes in requests of five hundred", () => {
    expect(inChunks(Array.from({ length: 1_001 }, (_, index) => index)).map((each) => each.length)).toEqual([500, 500, 1]);
  });

  it("sums up by whom, what waits, and what was refused", () => {
    const done = (state: string, lead: string | null) => ({ status: 200, hazard: { state, lead } as Hazard });
    const results = [done("assigned", "li"), done("assigned", "zhao"), done("assigned", "zhao"), done("accepted", null), { status: 409 }];
    expect(sumUp(results)).toEqual({ assigned: [["zhao", 2], ["li", 1]], waiting: 1, refused: 1 });
  });

  it("says why an item was refused", () => {
    const problem = { title: "有误", detail: "数据有误", status: 422, code: "step.needs", type: "", errors: [{ field: "lead", message: "该社区没有这位整改人" }] };
    expect(refusalWords({ status: 422, problem: problem as never })).toBe("该社区没有这位整改人");
    expect(refusalWords({ status: 409, problem: { ...problem, errors: undefined } as never })).toBe("数据有误");
  });
});

function entry(minutes: number, step: string, state: string, more: Partial<HistoryEntry> = {}): HistoryEntry {
  const known = { id: `${step}${minutes}`, step, state, at: at(minutes), by: "li", facts: {}, clocks: {}, acting_for: null, version: 1 };
  return { ...known, ...more } as unknown as HistoryEntry;
}

describe("the line of clocks", () => {
  const clocks = (more: Record<string, string | null>) => ({ clocks: more as never });

  it("shows what ran, what stopped it and what was late", () => {
    const history = [
      entry(0, "report", "reported", clocks({ accept_due_at: at(30) })),
      entry(40, "accept", "accepted", clocks({ due_at: at(100) })),
      entry(50, "assign", "assigned"),
      entry(60, "suspend", "suspended", { facts: { reason: "等施工队" } }),
      entry(90, "resume", "assigned", clocks({ due_at: at(130) })),
    ];
    const hazard = { state: "assigned", reported_at: at(0), due_at: at(130), advisory: false } as Hazard;
    const line = clockLine(hazard, history, START + 150 * MINUTE);
    const minutes = (instant: number) => (instant - START) / MINUTE;
    expect(line.spans.map((each) => [each.kind, minutes(each.from), minutes(each.to), each.late, each.reason])).toEqual([
      ["accept", 0, 30, false, ""],
      ["accept", 30, 40, true, ""],
      ["fix", 40, 60, false, ""],
      ["stopped", 60, 90, false, "等施工队"],
      ["fix", 90, 130, false, ""],
      ["fix", 130, 150, true, ""],
    ]);
    expect(line.marks.map((each) => [each.kind, minutes(each.at)])).toEqual([["earlierDue", 100], ["due", 130], ["now", 150]]);
    expect(minutes(line.to)).toBe(150);
  });

  it("ends with the case, and persuasion is never late", () => {
    const history = [entry(0, "report", "reported"), entry(5, "accept", "accepted", clocks({ due_at: at(6) })), entry(90, "verify", "closed")];
    const hazard = { state: "closed", reported_at: at(0), due_at: at(6), advisory: true } as Hazard;
    const line = clockLine(hazard, history, START + 900 * MINUTE);
    expect(line.spans.map((each) => [each.kind, each.late])).toEqual([["accept", false], ["fix", false]]);
    expect(line.marks.map((each) => each.kind)).toEqual(["due"]);
  });
});

describe("the story of a case", () => {
  const sayings = { name: (username: string) => ({ li: "李敏", zhao: "赵强" })[username] ?? username, time: (iso: string) => iso.slice(11, 16) };

  it("says who did what, with the facts in words", () => {
    const told = tellStory(
      [
        entry(1, "assign", "assigned", { facts: { lead: "zhao", assisting: [], photos: ["x"] }, acting_for: "wang" }),
        entry(2, "recheck", "rectifying", { facts: { result: "fail", reason: "车还在" }, clocks: { due_at: at(60) } as never }),
      ],
      sayings,
    );
    expect(told.map((each) => [each.who, each.what, each.actingFor, each.details])).toEqual([
      ["李敏", "派单", "wang", ["派给 赵强"]],
      ["李敏", "复查不通过", "", ["理由：车还在", "整改期限 02:00"]],
    ]);
  });

  it("names what others did since the version that was seen", () => {
    const history = [entry(0, "report", "reported"), entry(1, "accept", "accepted", { version: 2 }), entry(2, "assign", "assigned", { version: 3 })];
    expect(doneMeanwhile(history, 1).map((each) => each.step)).toEqual(["accept", "assign"]);
  });
});

it("puts events of a stream together from pieces that are cut anywhere", () => {
  const whole = new TextEncoder().encode('id: 1\nevent: begin\ndata: {}\n\nevent: hazard\ndata: {"号":1}\n\nid: 3\n\n');
  for (let cut = 1; cut < whole.length; cut += 1) {
    const parse = eventParser();
    const found = [...parse(whole.slice(0, cut)), ...parse(whole.slice(cut))];
    expect(found).toEqual([{ id: "1", name: "begin" }, { id: "", name: "hazard" }, { id: "3", name: "" }]);
  }
});
