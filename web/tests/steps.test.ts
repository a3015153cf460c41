import { describe, expect, it, vi } from "vitest";
import { checkStep, stepBody, type Values } from "../src/shared/stepBody";
import { stepForm, type StepForm } from "../src/shared/steps";
import { photo } from "./builders";

vi.mock("../src/api/session", () => ({ call: vi.fn() }));

function form(step: string, isMajor = false): StepForm {
  const found = stepForm(step, isMajor);
  if (!found) throw new Error(step);
  return found;
}

function bodyOf(step: string, values: Values, isMajor = false): Values {
  const { made_at, ...body } = stepBody(step, form(step, isMajor), "0190", 3, values, []);
  expect(Date.parse(made_at as string)).toBeGreaterThan(0);
  return body;
}

const LEVEL = { level: "district", document: "南安委〔2026〕2号" };
const FIVE = { responsible: " 张三 ", measures: "断电、值守", funds: "五万元", time_limit: "2026-12-01", plan: "疏散预案" };

describe("the supervision of a hazard", () => {
  it("asks for level and document, and for a major one also for the five arrangements", () => {
    expect(form("supervise").fields.map((each) => each.name)).toEqual(["level", "document"]);
    expect(form("supervise", true).fields.slice(2).map((each) => each.name)).toEqual(["responsible", "measures", "funds", "time_limit", "plan"]);
    expect(form("suspend", true)).toBe(form("suspend"));
  });

  it("says which of the five are missing", () => {
    expect(checkStep(form("supervise"), LEVEL, [])).toEqual({});
    expect(checkStep(form("supervise", true), { ...LEVEL, ...FIVE, funds: " ", plan: undefined }, [])).toEqual({
      funds: "请填写：资金（经费和来源）",
      plan: "请填写：预案（应急处置）",
    });
  });

  it("sends the five as one object, and none for another hazard", () => {
    const arrangements = { ...FIVE, responsible: "张三", time_limit: "2026-12-01T16:00:00.000Z" };
    expect(bodyOf("supervise", { ...LEVEL, ...FIVE }, true)).toEqual({ id: "0190", version: 3, step: "supervise", ...LEVEL, arrangements });
    expect(bodyOf("supervise", { ...LEVEL, ...FIVE })).toEqual({ id: "0190", version: 3, step: "supervise", ...LEVEL });
  });
});

it("sends a result under the name of its step, and leaves out what is empty", () => {
  expect(bodyOf("recheck.pass", { note: "  " })).toEqual({ id: "0190", version: 3, step: "recheck", result: "pass" });
  expect(bodyOf("look_back", { result: "look_back.holds", note: "没有反弹 " })).toMatchObject({ result: "holds", note: "没有反弹" });
  expect(bodyOf("assign", { lead: "handler", assisting: [] })).toEqual({ id: "0190", version: 3, step: "assign", lead: "handler" });
});

it("wants a photo of a fix, and a photo or words of a passed re-check", () => {
  const fix = { method: "移走", quantity_done: 1 };
  expect(Object.keys(checkStep(form("submit_fix"), fix, []))).toEqual(["photos"]);
  expect(checkStep(form("submit_fix"), fix, [photo("a", { stage: "after" })])).toEqual({});
  expect(Object.keys(checkStep(form("recheck.pass"), {}, []))).toEqual(["photos"]);
  expect(checkStep(form("recheck.pass"), { note: "已整改" }, [])).toEqual({});
});

describe("the assignment of a hazard", () => {
  it("needs a handler or a responsible party", () => {
    expect(checkStep(form("assign"), {}, [])).toEqual({ lead: "请填写：整改人" });
    expect(checkStep(form("assign"), { lead: "zhao" }, [])).toEqual({});
    expect(checkStep(form("assign"), { kind: "merchant", name: "老王面馆" }, [])).toEqual({});
    expect(checkStep(form("assign"), { phone: "0573-1234567" }, [])).toEqual({
      lead: "请填写：整改人",
      kind: "请填写：责任主体类型",
      name: "请填写：责任主体名称",
    });
  });

  it("sends the party as one object", () => {
    const party = { kind: "merchant", name: "老王面馆" };
    expect(bodyOf("assign", { ...party, phone: "" })).toEqual({ id: "0190", version: 3, step: "assign", responsible_party: party });
    expect(bodyOf("assign", { lead: "zhao" })).toEqual({ id: "0190", version: 3, step: "assign", lead: "zhao" });
  });
});
