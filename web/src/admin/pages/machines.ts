/** Devices, keys, deliveries, imports and the security log. */
import { newId } from "../../shared/ids";
import { communityName } from "../../shared/state";
import { flatMap } from "../collections";
import { type Field, type ImportPage, list, type Page, type Secret } from "../describe";
import { toLocal } from "../moments";
import type { ApiKey, Delivery, Monitor, SecurityEvent } from "../types";
import { area, choices, EVENTS, KINDS, METRICS, time, VENDORS, word } from "../words";

function once(title: string, name: string, value: string | null): Secret | null {
  return value ? { title, says: "只显示这一次，关闭后再也看不到。请现在保存到设备或保密的地方。", lines: [{ name, value }] } : null;
}

const DEVICE: Field[] = [
  { path: "name", label: "名称", kind: "line" },
  { path: "community", label: "社区", kind: "community" },
  { path: "place", label: "位置", kind: "line", hint: "如 3幢2单元配电间" },
  { path: "kind", label: "装在哪里", kind: "choice", choices: choices(KINDS) },
  { path: "vendor", label: "消息格式", kind: "choice", choices: choices(VENDORS) },
  { path: "silent_after_h", label: "多少小时没有消息算失联", kind: "number", optional: true, hint: "空着则从不算失联，用于只在报警时发消息的设备" },
  {
    path: "thresholds",
    label: "阈值",
    kind: "table",
    hint: "达到时的分级。整行空着用这种设备的默认值；“每分钟上升”空着则不看上升",
    rows: choices(METRICS).filter((each) => each.value !== "ebike_detected"),
    columns: [{ value: "warn", label: "预警" }, { value: "alarm", label: "报警" }, { value: "critical", label: "严重" }, { value: "rise", label: "每分钟上升" }],
  },
];

function sayState(row: Monitor): string {
  if (!row.active) return "已停用";
  if (row.outage) return `失联，最后消息 ${time(row.last_seen_at)}`;
  return row.last_seen_at ? `最后消息 ${time(row.last_seen_at)}` : "还没有消息";
}

const complete = ({ name, community, place, kind, vendor, silent_after_h, thresholds, point, active, id }: Monitor) => ({
  id, name, community, place, kind, vendor, silent_after_h, thresholds, point, active,
});

export const devices = list<Monitor>({
  title: "监测设备",
  lead: "设备用密钥签名发送消息。阈值由本单位定，厂家自己的等级只作参考。",
  right: "device.see",
  read: () => "/devices",
  id: (row) => row.id,
  empty: "还没有设备",
  columns: [
    { title: "设备", text: (row) => row.name, more: (row) => row.id },
    { title: "位置", text: (row) => communityName(row.community), more: (row) => row.place },
    { title: "种类", text: (row) => word(KINDS, row.kind), more: (row) => word(VENDORS, row.vendor) },
    {
      title: "剩余电流阈值",
      text: ({ thresholds: { residual_current_ma: each } }) => (each ? `${each.warn} / ${each.alarm} / ${each.critical} mA` : "—"),
    },
    { title: "状态", text: sayState, more: (row) => (row.maintenance ? `检修至 ${time(row.maintenance.until)}` : ""), mood: (row) => (!row.active ? "still" : row.outage ? "late" : row.last_seen_at ? "good" : "soon") },
  ],
  start: [
    {
      label: "登记设备",
      right: "device.manage",
      fields: [{ path: "id", label: "设备编号", kind: "line", hint: "厂家印在机身上的编号" }, ...DEVICE],
      values: () => ({ id: "", name: "", community: "", place: "", kind: "mains", vendor: "canonical", silent_after_h: 24, thresholds: {} }),
      request: (_, values) => ({ path: "/devices", body: values }),
      done: () => "设备已登记",
      secret: ({ data }) => {
        const { device, secret } = data as { device: Monitor; secret: string | null };
        return once("设备密钥", device.id, secret);
      },
    },
  ],
  actions: [
    {
      label: "修改",
      right: "device.manage",
      title: (row) => `修改设备 ${row.id}`,
      fields: DEVICE,
      values: complete,
      request: (row, values) => ({ path: `/devices/${row.id}`, body: values }),
      done: () => "设备已保存",
    },
    {
      label: "检修",
      right: "device.manage",
      offered: (row) => row.active && !row.maintenance,
      title: (row) => `检修：${row.name}`,
      says: () => "检修期间的报警不立案，没有消息也不算失联。",
      fields: [
        { path: "from", label: "开始", kind: "moment" },
        { path: "until", label: "结束", kind: "moment" },
        { path: "reason", label: "原因", kind: "line" },
      ],
      values: () => ({ from: new Date().toISOString(), until: "", reason: "" }),
      request: (row, values) => ({ path: `/devices/${row.id}/maintenance`, body: values }),
      done: () => "检修已登记",
    },
    {
      label: "结束检修",
      right: "device.manage",
      offered: (row) => row.maintenance !== null,
      title: (row) => `结束检修：${row.name}`,
      says: () => "报警重新立案，从现在起没有消息算失联。",
      request: (row) => ({ path: `/devices/${row.id}/maintenance/end` }),
      done: () => "检修已结束",
    },
    {
      label: "更换密钥",
      right: "device.manage",
      offered: (row) => row.active,
      title: (row) => `更换密钥：${row.name}`,
      says: () => "得到一个新密钥。正在用的旧密钥仍然有效，直到下次更换，所以可以从容切换。",
      request: (row) => ({ path: `/devices/${row.id}/rotate` }),
      done: () => "密钥已更换",
      secret: ({ data }) => {
        const { device, secret } = data as { device: Monitor; secret: string | null };
        return once("新的设备密钥", device.id, secret);
      },
    },
    {
      label: "停用",
      right: "device.manage",
      offered: (row) => row.active,
      title: (row) => `停用设备 ${row.id}`,
      says: (row) => `“${row.name}”的消息从现在起被拒收，也不再报警。`,
      danger: true,
      retype: (row) => row.id,
      request: (row) => ({ path: `/devices/${row.id}`, body: { ...complete(row), active: false } }),
      done: () => "设备已停用",
    },
    {
      label: "启用",
      right: "device.manage",
      offered: (row) => !row.active,
      title: (row) => `启用设备 ${row.id}`,
      says: () => "重新接收它的消息。",
      request: (row) => ({ path: `/devices/${row.id}`, body: { ...complete(row), active: true } }),
      done: () => "设备已启用",
    },
  ],
});

const deviceImportPage: ImportPage = {
  title: "导入设备",
  lead: "表格（CSV 或 XLSX），每行一台设备。新设备的密钥在导入后只显示一次。",
  right: "device.manage",
  path: "/devices/import",
  accept: ".csv,.xlsx",
  counts: [
    { name: "lines", label: "共读到" },
    { name: "new", label: "新增" },
    { name: "already", label: "已登记" },
    { name: "wrong", label: "错误", late: true },
  ],
  go: (result) => `登记 ${String(result.new)} 台设备`,
  done: (result) => `已登记 ${String(result.new)} 台设备`,
  secret: (result) => {
    const secrets = (result.secrets ?? []) as { device: string; secret: string | null }[];
    const lines = flatMap(secrets, ({ device, secret }) => (secret ? [{ name: device, value: secret }] : []));
    return lines.length ? { title: "新设备的密钥", says: "只显示这一次，关闭后再也看不到。请现在保存。", lines } : null;
  },
};
export const deviceImport: Page = { shows: "import", page: deviceImportPage };

const ledgerImportPage: ImportPage = {
  title: "导入台账",
  lead: "把原来的电子表格导入为隐患。先看每一行会怎样，再导入；导入过的行不会重复。",
  right: "ledger.import",
  path: "/ledger/import",
  accept: ".csv,.xlsx",
  counts: [
    { name: "lines", label: "共读到" },
    { name: "new", label: "新增" },
    { name: "already", label: "导入过" },
    { name: "wrong", label: "错误", late: true },
  ],
  go: (result) => `导入 ${String(result.new)} 起隐患`,
  done: (result) => `已导入 ${String(result.new)} 起隐患`,
};
export const ledgerImport: Page = { shows: "import", page: ledgerImportPage };

const KEY_ROLES = { analyst: "读统计和台账，不含个人信息", device: "设备" };
const DAY = 86_400_000;

function keySecret({ data }: { data: unknown }): Secret | null {
  const { key, token } = data as { key: ApiKey; token: string | null };
  return once(`密钥“${key.name}”`, "密钥", token);
}

const usable = (row: ApiKey) => !row.revoked_at && Date.parse(row.expires_at) > Date.now();

export const keys = list<ApiKey>({
  title: "接口密钥",
  lead: "给大屏、统计平台等程序用。密钥只显示一次，到期自动失效。",
  right: "key.manage",
  read: () => "/keys",
  id: (row) => row.id,
  empty: "没有密钥",
  columns: [
    { title: "名称", text: (row) => row.name, more: (row) => `${row.made_by} 建于 ${time(row.made_at)}` },
    { title: "权限", text: (row) => word(KEY_ROLES, row.role), more: (row) => area(row.scope) },
    { title: "用过", text: (row) => (row.used_at ? `从 ${time(row.used_at)} 起` : "还没有") },
    {
      title: "状态",
      text: (row) => (row.revoked_at ? `已于 ${time(row.revoked_at)} 吊销` : `${time(row.expires_at)} 到期`),
      mood: (row) => (usable(row) ? "good" : "still"),
    },
  ],
  start: [
    {
      label: "新建密钥",
      right: "key.manage",
      fields: [
        { path: "name", label: "名称", kind: "line", hint: "哪个程序用，如 街道大屏" },
        { path: "role", label: "权限", kind: "choice", choices: choices(KEY_ROLES) },
        { path: "scope", label: "范围", kind: "area" },
        { path: "expires_at", label: "到期", kind: "moment" },
      ],
      values: () => ({ id: newId(), name: "", role: "analyst", scope: "", expires_at: new Date(Date.now() + 90 * DAY).toISOString() }),
      request: (_, values) => ({ path: "/keys", body: values }),
      done: () => "密钥已建好",
      secret: keySecret,
    },
  ],
  actions: [
    {
      label: "更换",
      right: "key.manage",
      offered: usable,
      title: (row) => `更换密钥：${row.name}`,
      says: () => "得到一个新密钥。正在用的旧密钥仍然有效，直到下次更换，所以可以从容切换。",
      request: (row) => ({ path: `/keys/${row.id}/rotate` }),
      done: () => "密钥已更换",
      secret: keySecret,
    },
    {
      label: "吊销",
      right: "key.manage",
      offered: usable,
      title: (row) => `吊销密钥：${row.name}`,
      says: () => "用这个密钥的程序立即读不到数据，不能恢复。",
      danger: true,
      retype: (row) => row.name,
      request: (row) => ({ path: `/keys/${row.id}/revoke` }),
      done: () => "密钥已吊销",
    },
  ],
});

export const deliveries = list<Delivery>({
  title: "通知投递",
  lead: "没有送到的通知。收件箱里都有，这里只是邮件、群机器人等渠道。",
  right: "delivery.manage",
  read: () => "/deliveries",
  id: (row) => row.id,
  empty: "没有失败的投递",
  filters: [
    { name: "state", label: "状态", kind: "choice", choices: [{ value: "", label: "已放弃" }, { value: "failing", label: "失败，还在重试" }] },
  ],
  columns: [
    { title: "渠道", text: (row) => row.channel, more: (row) => row.username || "全体收件人" },
    { title: "通知", text: (row) => row.kind, more: (row) => time(row.at) },
    { title: "原因", text: (row) => row.error ?? "—", mood: () => "late" },
    { title: "试过", text: (row) => `${row.tries} 次`, more: (row) => (row.dead_at ? `${time(row.dead_at)} 放弃` : `下次 ${time(row.next_try_at)}`) },
  ],
  actions: [
    {
      label: "重新投递",
      right: "delivery.manage",
      offered: (row) => row.dead_at !== null,
      title: () => "重新投递",
      says: (row) => `这条通知将再经 ${row.channel} 发给 ${row.recipients.join("、") || row.username}。对方可能会收到两次。`,
      request: (row) => ({ path: `/deliveries/${row.id}/replay` }),
      done: () => "已重新排队，马上再试",
    },
  ],
});

function sayFacts(facts: Record<string, string>): string {
  return Object.entries(facts).map(([name, value]) => `${name}=${value}`).join("　");
}

export const securityLog = list<SecurityEvent>({
  title: "安全日志",
  lead: "登录、权限变更、导出和查看原图。只增不改：数据库拒绝修改记录，也拒绝删除 180 天内的记录。",
  right: "security.see",
  read: () => "/security/events",
  id: (row) => row.id,
  empty: "没有这样的记录",
  filters: [
    { name: "event", label: "事件", kind: "choice", choices: [{ value: "", label: "全部" }, ...choices(EVENTS)] },
    { name: "person", label: "用户名", kind: "line" },
    { name: "from", label: "从", kind: "date" },
    { name: "to", label: "到", kind: "date" },
  ],
  columns: [
    { title: "时间", text: (row) => time(row.at), more: (row) => `${toLocal(row.at).slice(0, 10)}` },
    { title: "事件", text: (row) => word(EVENTS, row.event), mood: (row) => (/failed|copied/.test(row.event) ? "late" : "") },
    { title: "操作人", text: (row) => row.by || "未登录", more: (row) => row.address },
    { title: "对象", text: (row) => row.about || "—", more: (row) => sayFacts(row.facts) },
  ],
});
