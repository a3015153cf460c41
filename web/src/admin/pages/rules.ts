/** Communities, categories, rules, dispatch rules and texts of notices. */
import { call } from "../../api/session";
import type { Category, Community, Person } from "../../api/types";
import { newId } from "../../shared/ids";
import { categoryName, state } from "../../shared/state";
import { type Choice, type Field, type FormPage, type ImportPage, list, type Page } from "../describe";
import type { DispatchRule, Template } from "../types";
import { area, areaChoices, categoryChoices, choices, CLOCKS, PRIORITIES, ROLES, sayTerm, time, word } from "../words";

export const communities = list<Community>({
  title: "社区",
  lead: "按统计用区划代码，前九位是街道。名称和边界用导入来改；社区不删除。",
  right: "rules.see",
  read: () => "/communities",
  whole: true,
  id: (row) => row.code,
  empty: "还没有社区，请先导入",
  columns: [
    { title: "名称", text: (row) => row.name },
    { title: "编码", text: (row) => row.code },
    { title: "街道", text: (row) => row.street_name || row.street },
  ],
});

const communityImportPage: ImportPage = {
  title: "导入社区",
  lead: "CSV（列 code、name，新街道另加 street、abbreviation）或带边界的 GeoJSON。没有列出的社区不变。",
  right: "place.manage",
  path: "/communities/import",
  accept: ".csv,.geojson,.json",
  choices: {
    name: "crs",
    label: "边界的坐标系",
    kind: "choice",
    choices: [{ value: "wgs84", label: "WGS-84" }, { value: "gcj02", label: "GCJ-02（高德、腾讯）" }, { value: "bd09", label: "BD-09（百度）" }],
  },
  counts: [
    { name: "lines", label: "共读到" },
    { name: "new", label: "新增" },
    { name: "changed", label: "变更" },
    { name: "wrong", label: "错误", late: true },
  ],
  go: (result) => `导入：新增 ${String(result.new)} 个，变更 ${String(result.changed)} 个`,
  done: (result) => `已导入：新增 ${String(result.new)} 个，变更 ${String(result.changed)} 个`,
};
export const communityImport: Page = { shows: "import", page: communityImportPage };

const CATEGORY: Field[] = [
  { path: "name", label: "名称", kind: "line" },
  { path: "group", label: "大类", kind: "line", hint: "如 电动车充电" },
  { path: "unit", label: "计量单位", kind: "line", hint: "处、辆、个" },
  { path: "priority", label: "紧急程度", kind: "choice", choices: choices(PRIORITIES), optional: true, hint: "不限时由受理的人定" },
  { path: "term", label: "整改期限", kind: "term" },
  { path: "major_term", label: "重大隐患的整改期限", kind: "term", optional: true, hint: "空着则与上面相同" },
  { path: "look_back_days", label: "销号后多少天回头看", kind: "number", optional: true, hint: "空着则不自动安排" },
  { path: "advisory", label: "动员类：有目标日期，但不算逾期", kind: "yes" },
  { path: "proposes_major", label: "受理时提示为重大隐患", kind: "yes" },
  { path: "from_device", label: "只由设备报警产生（预警核查单）", kind: "yes" },
];
const CATEGORY_START = { name: "", group: "", unit: "处", term: { amount: 5, unit: "wd" } };

export const categories = list<Category>({
  title: "隐患类别",
  lead: "每类隐患的期限和紧急程度。改动只影响以后受理的隐患，已经告知的期限不变。",
  right: "rules.see",
  read: () => "/categories",
  whole: true,
  id: (row) => row.code,
  empty: "没有类别",
  columns: [
    { title: "编码", text: (row) => row.code },
    { title: "名称", text: (row) => row.name, more: (row) => row.group },
    { title: "紧急程度", text: (row) => (row.priority ? word(PRIORITIES, row.priority) : "受理时定") },
    { title: "期限", text: (row) => sayTerm(row.term), more: (row) => (row.major_term ? `重大：${sayTerm(row.major_term)}` : "") },
    { title: "单位", text: (row) => row.unit },
    {
      title: "说明",
      text: (row) => [row.advisory && "动员", row.proposes_major && "提示重大", row.from_device && "设备报警"].filter(Boolean).join("、") || "—",
      more: (row) => (row.look_back_days ? `${row.look_back_days} 天后回头看` : ""),
    },
  ],
  start: [
    {
      label: "新建类别",
      right: "rules.edit",
      fields: [{ path: "code", label: "编码", kind: "line", hint: "形如 EB-07；已有的编码会被这里的内容替换" }, ...CATEGORY],
      values: () => ({ code: "", ...CATEGORY_START }),
      request: (_, { code, ...body }) => ({ path: `/categories/${encodeURIComponent((code as string) || "-")}`, body }),
      done: () => "类别已建好",
    },
  ],
  actions: [
    {
      label: "修改",
      right: "rules.edit",
      title: (row) => `修改类别 ${row.code}`,
      fields: CATEGORY,
      values: (row) => ({ ...row, code: undefined }),
      request: (row, body) => ({ path: `/categories/${row.code}`, body }),
      done: () => "类别已保存",
    },
  ],
});

const LADDER: Field[] = [
  { path: "clock", label: "期限", kind: "choice", choices: choices(CLOCKS) },
  { path: "before", label: "到期之前", kind: "term", optional: true },
  { path: "after", label: "到期之后", kind: "term", optional: true },
  { path: "tells", label: "通知", kind: "choice", choices: ["handler", "officer", "supervisor"].map((value) => ({ value, label: ROLES[value] ?? value })) },
  { path: "proposes", label: "同时", kind: "choice", optional: true, choices: [{ value: "supervise", label: "建议督办" }] },
  { path: "name", label: "名称", kind: "line", hint: "小写字母、数字、点" },
];

function byPriority(path: string, words: string, section?: string): Field[] {
  return Object.entries(PRIORITIES).map(([priority, label], index) => ({
    path: `rules.${path}.${priority}`,
    label: `${words}（${label}）`,
    kind: "term" as const,
    section: index ? undefined : section,
  }));
}

const rulebook: FormPage = {
  title: "规则",
  lead: "工作时间、各环节的期限、提醒和升级。改动对以后的期限有效，已经告知的期限不会缩短。",
  right: "rules.see",
  edits: "rules.edit",
  path: "/rules",
  fields: [
    { path: "rules.office_hours", label: "每个工作日的工作时间", kind: "list", add: "添加一段", fields: [{ path: "", label: "时段", kind: "span" }], section: "时间" },
    { path: "rules.quiet_hours", label: "免打扰时段", kind: "span", optional: true, hint: "这段时间不发通知，过后再发；两格都空则随时发" },
    ...byPriority("acceptance", "受理期限", "期限"),
    ...byPriority("start", "签收期限"),
    { path: "rules.recheck", label: "复查期限", kind: "term" },
    { path: "rules.transfer_reply", label: "移交答复期限", kind: "term" },
    { path: "rules.suspension_review", label: "暂缓多久后复核", kind: "term" },
    { path: "rules.suspension_review_at_most", label: "暂缓最迟复核", kind: "term" },
    { path: "rules.reopen_within_days", label: "销号后多少天内可以重开", kind: "number" },
    { path: "rules.photos_kept_days", label: "照片保留天数", kind: "number", optional: true, hint: "办结并满这么多天没有变动后删除照片；空着则一直保留" },
    { path: "rules.ladders.general", label: "一般隐患", kind: "list", fields: LADDER, add: "添加一级", section: "提醒和升级", hint: "“之前”和“之后”都空着，就是到期那一刻" },
    { path: "rules.ladders.major", label: "重大隐患", kind: "list", fields: LADDER, add: "添加一级" },
  ],
  values: ({ version, rules }) => ({ version, rules }),
  edited: ({ version, edited_by, edited_at }) => (version ? `第 ${String(version)} 版，${String(edited_by)} 于 ${time(edited_at as string)} 修改` : "现在是自带的规则，还没有改过"),
  done: "规则已保存，立即生效",
};
export const rules: Page = { shows: "form", page: rulebook };

async function readHandlers(): Promise<Choice[]> {
  const answer = await call<{ items: Person[] }>("/people?role=handler&limit=500");
  return answer.ok ? answer.data.items.map((each) => ({ value: each.username, label: `${each.name}（${each.username}）` })) : [];
}

function groupChoices(): Choice[] {
  return Array.from(new Set(state.categories.map((each) => each.group)), (value) => ({ value, label: value }));
}

export const dispatchRules = list<DispatchRule>({
  title: "派单规则",
  lead: "符合的隐患自动派给这位整改人。最具体的一条优先。",
  right: "rules.see",
  read: () => "/dispatch-rules",
  id: (row) => row.id,
  empty: "没有派单规则，全部由人工派单",
  columns: [
    { title: "社区", text: (row) => area(row.community) },
    { title: "类别", text: (row) => (row.category ? `${row.category} ${categoryName(row.category)}` : row.group ? `大类 ${row.group}` : "全部类别") },
    { title: "派给", text: (row) => row.lead, more: (row) => (row.assisting.length ? `协办：${row.assisting.join("、")}` : "") },
    { title: "受理", text: (row) => (row.accepts ? "自动受理并派单" : "受理后派单") },
  ],
  start: [
    {
      label: "新建派单规则",
      right: "rules.edit",
      fields: [
        { path: "community", label: "社区", kind: "choice", choices: () => areaChoices().slice(1) },
        { path: "category", label: "类别", kind: "choice", choices: categoryChoices, optional: true },
        { path: "group", label: "大类", kind: "choice", choices: groupChoices, optional: true, hint: "类别和大类选一个" },
        { path: "lead", label: "牵头整改人", kind: "choice", choices: readHandlers },
        { path: "assisting", label: "协办", kind: "many", choices: readHandlers },
        { path: "accepts", label: "自动受理，不等人工", kind: "yes" },
      ],
      values: () => ({ id: newId(), community: "", lead: "", assisting: [] }),
      request: (_, values) => ({ path: "/dispatch-rules", body: values }),
      done: () => "派单规则已建好",
    },
  ],
  actions: [
    {
      label: "删除",
      right: "rules.edit",
      title: () => "删除派单规则",
      says: (row) => `以后${area(row.community)}的这类隐患由人工派单，不再自动派给 ${row.lead}。已经派出的不变。`,
      danger: true,
      request: (row) => ({ path: `/dispatch-rules/${row.id}/remove` }),
      done: () => "派单规则已删除",
    },
  ],
});

export const templates = list<Template>({
  title: "通知用语",
  lead: "每种通知的标题和正文。花括号里的字段在发送时填入。",
  right: "rules.see",
  read: () => "/notice-templates",
  whole: true,
  id: (row) => row.kind,
  empty: "没有通知",
  columns: [
    { title: "种类", text: (row) => row.kind },
    { title: "标题", text: (row) => row.title, more: (row) => row.text },
    { title: "修改", text: (row) => row.edited_by ?? "自带", more: (row) => (row.edited_at ? time(row.edited_at) : "") },
  ],
  actions: [
    {
      label: "修改",
      right: "rules.edit",
      title: (row) => `修改通知 ${row.kind}`,
      says: (row) => `可以用的字段：${row.fields.map((each) => `{${each}}`).join(" ")}`,
      fields: [{ path: "title", label: "标题", kind: "line" }, { path: "text", label: "正文", kind: "text" }],
      values: ({ version, title, text }) => ({ version, title, text }),
      request: (row, values) => ({ path: `/notice-templates/${encodeURIComponent(row.kind)}`, body: values }),
      done: () => "通知用语已保存",
    },
  ],
});
