import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { boardZh } from "../src/words/board";
import { dashboardZh } from "../src/words/dashboard";
import { zh } from "../src/words/zh";
import { endOfDay, sayLength, sayTime, shanghaiDate } from "../src/words/times";

const NOW = Date.parse("2026-11-23T01:00:00Z"); // 09:00 in Shanghai
/** Keys that are put together while the page runs. */
const BUILT = /^(state|steps|outcome|role|severity|priority|level|party|provider|step|away|hazard|signIn)\./;
const BUILT_ON_BOARD = /^((column|explain|key|keys|act|wrong|filter|clock)\.|batch\.(accept|assign)$)/;
const BUILT_ON_DASHBOARD = /^(period|sheet|flow|clock|clockName|alarm|flag|flagMeaning)\./;
const SOURCES = join(__dirname, "../src");

function sources(): string {
  const files = readdirSync(SOURCES, { recursive: true }) as string[];
  const own = files.filter((each) => /\.(vue|ts)$/.test(each) && !/zh\.ts|words\/(board|dashboard)\.ts|[eE]nglish\.ts|schema/.test(each));
  return own.map((each) => readFileSync(join(SOURCES, each), "utf8")).join("\n");
}

describe("times", () => {
  it.each([
    ["2026-11-23T06:02:00Z", "今天 14:02"],
    ["2026-11-22T06:02:00Z", "昨天 14:02"],
    ["2026-11-24T06:02:00Z", "明天 14:02"],
    ["2026-10-08T01:05:00Z", "10 月 8 日 09:05"],
    ["2025-10-08T01:05:00Z", "2025 年 10 月 8 日 09:05"],
    ["2026-11-23T16:00:00Z", "今天 24:00"],
    ["2026-11-22T16:00:00Z", "昨天 24:00"],
  ])("says %s as %s", (iso, words) => {
    expect(sayTime(iso, NOW)).toBe(words);
  });

  it.each([
    [2 * 86_400_000 + 4 * 3_600_000 + 60_000, "2 天 4 小时"],
    [-90 * 60_000, "1 小时 30 分钟"],
    [20 * 60_000, "20 分钟"],
    [3 * 3_600_000, "3 小时"],
    [8 * 3_600_000 + 59_000, "8 小时"],
    [12 * 86_400_000, "12 天"],
    [1, "1 分钟"],
  ])("says %d ms as %s", (length, words) => {
    expect(sayLength(length)).toBe(words);
  });

  it("knows the day of Shanghai and its end", () => {
    expect(shanghaiDate(Date.parse("2026-11-22T16:00:00Z"))).toBe("2026-11-23");
    expect(endOfDay("2026-11-23")).toBe("2026-11-23T16:00:00.000Z");
  });
});

describe("words", () => {
  let english: Record<"english" | "boardEnglish" | "dashboardEnglish", Record<string, string>>;
  const dictionaries = [
    ["english", zh, BUILT],
    ["boardEnglish", boardZh, BUILT_ON_BOARD],
    ["dashboardEnglish", dashboardZh, BUILT_ON_DASHBOARD],
  ] as const;
  beforeAll(async () => {
    Object.assign(globalThis, { window: globalThis });
    await import("../src/lazy/english");
    await import("../src/lazy/boardEnglish");
    await import("../src/lazy/dashboardEnglish");
    english = (globalThis as unknown as { anxun: typeof english }).anxun;
  });

  it.each(dictionaries)("of %s have the same keys and the same places to fill in both languages", (name, chinese) => {
    const places = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
    expect(Object.keys(english[name])).toEqual(Object.keys(chinese));
    for (const [key, text] of Object.entries(chinese)) expect([key, places(english[name][key] ?? "")]).toEqual([key, places(text)]);
  });

  it.each(dictionaries)("of %s are all used", (_, chinese, built) => {
    const text = sources();
    expect(Object.keys(chinese).filter((key) => !built.test(key) && !text.includes(`"${key}"`) && !text.includes(`'${key}'`))).toEqual([]);
  });
});
