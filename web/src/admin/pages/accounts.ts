/** Accounts with their roles, the devices they are signed in at, changes that wait, and delegations. */
import type { Answer } from "../../api/answers";
import type { Device, Person } from "../../api/types";
import { newId } from "../../shared/ids";
import { state } from "../../shared/state";
import { type Action, type Field, list, type Values } from "../describe";
import type { AdminRequest, Delegation } from "../types";
import { areas, choices, REQUEST_STATES, ROLES, time, word } from "../words";

const WAITS = "这项变更须由另一位管理员确认，24 小时内有效，见“待确认变更”";

/** 202: the change waits for another administrator. */
function done(words: string): (row: unknown, answer: Answer<never>) => string {
  return (_, answer) => (answer.status === 202 ? WAITS : words);
}

export function sayGrants(grants: readonly { role: string; scope: string; by?: string | null }[]): string {
  const roles = new Map<string, string[]>();
  for (const { role, scope, by } of grants) {
    const name = word(ROLES, role) + (by ? `（受 ${by} 委托）` : "");
    roles.set(name, [...(roles.get(name) ?? []), scope]);
  }
  return Array.from(roles, ([name, scopes]) => `${name}：${areas(scopes)}`).join("；");
}

const NAME: Field = { path: "name", label: "姓名", kind: "line" };
const EMAIL: Field = { path: "email", label: "电子邮箱", kind: "line", optional: true, leftOut: true, hint: "用来接收通知" };
const GRANTS: Field = { path: "grants", label: "角色和社区", kind: "grants" };
const PASSWORD: Field = { path: "password", label: "初始密码", kind: "password", autocomplete: "new-password", hint: "至少 12 个字符，请当面告知本人" };

function change(row: Person, values: Values) {
  return { path: `/people/${encodeURIComponent(row.username)}`, body: { version: row.version, ...values } };
}

const fresh = (row: Person) => `/people/${encodeURIComponent(row.username)}`;
const titled = (words: string) => (row: Person) => `${words}：${row.name}（${row.username}）`;
const other = (row: Person) => row.active && row.username !== state.person?.username;

const create: Action<string> = {
  label: "新建账号",
  right: "account.manage",
  fields: [
    { path: "username", label: "用户名", kind: "line", hint: "2 至 32 个小写字母、数字、下划线或短横线；以后不能改" },
    NAME,
    PASSWORD,
    EMAIL,
    GRANTS,
  ],
  values: () => ({ username: "", name: "", password: "", grants: [] }),
  request: (_, values) => ({ path: "/people", body: values }),
  done: () => "账号已建好，可以登录了",
};

const actions: Action<Person>[] = [
  {
    label: "修改",
    right: "account.manage",
    offered: (row) => row.active,
    title: titled("修改账号"),
    load: fresh,
    fields: [NAME, { ...EMAIL, leftOut: false }],
    values: (row) => ({ name: row.name, email: row.email ?? "" }),
    request: (row, values) => change(row, { name: values.name, email: values.email ?? "" }),
    done: done("已保存"),
  },
  {
    label: "角色",
    right: "rights.manage",
    offered: (row) => row.active,
    title: titled("角色和社区"),
    load: fresh,
    fields: [GRANTS],
    values: (row) => ({ grants: row.grants }),
    request: change,
    done: done("角色已保存，立即生效"),
  },
  { label: "设备", right: "rights.manage", opens: (row) => ["account-devices", row.username] },
  {
    label: "重置密码",
    right: "rights.manage",
    offered: (row) => row.active,
    title: titled("重置密码"),
    says: () => "保存后，这个人在所有设备上的登录立即结束，要用新密码重新登录。",
    load: fresh,
    fields: [{ ...PASSWORD, label: "新密码" }],
    values: () => ({ password: "" }),
    request: change,
    done: done("密码已重置"),
  },
  {
    label: "移除二次验证",
    right: "rights.manage",
    offered: other,
    title: titled("移除二次验证"),
    says: () => "移除后，只用密码就能登录这个账号。本人换手机或丢失验证器时才这样做。",
    danger: true,
    request: (row) => ({ path: `/people/${encodeURIComponent(row.username)}/totp/remove` }),
    done: done("二次验证已移除"),
  },
  {
    label: "停用",
    right: "account.manage",
    offered: other,
    title: titled("停用账号"),
    load: fresh,
    says: (row) => `${row.name}将立即退出所有设备，不能再登录，也不再收到派单。已有的记录都保留，以后可以重新启用。`,
    danger: true,
    retype: (row) => row.username,
    request: (row) => change(row, { active: false }),
    done: done("账号已停用"),
  },
  {
    label: "启用",
    right: "account.manage",
    offered: (row) => !row.active && row.name !== "（已删除）",
    title: titled("启用账号"),
    load: fresh,
    says: (row) => `${row.name}可以用原来的密码重新登录，角色和停用前一样。`,
    request: (row) => change(row, { active: true }),
    done: done("账号已启用"),
  },
  {
    label: "清除个人信息",
    right: "account.manage",
    offered: (row) => !row.active,
    title: titled("清除个人信息"),
    load: fresh,
    says: (row) => `${row.name}的姓名、邮箱和委托理由将永远清除，不能恢复；办过的隐患里只留下用户名 ${row.username}。`,
    danger: true,
    retype: (row) => row.username,
    request: (row) => change(row, { erase: true }),
    done: done("个人信息已清除"),
  },
];

export const accounts = list<Person>({
  title: "账号",
  lead: "谁可以登录，以什么角色、在哪些社区办事。",
  right: "people.see",
  read: () => "/people",
  id: (row) => row.username,
  empty: "没有这样的账号",
  filters: [
    { name: "role", label: "角色", kind: "choice", choices: [{ value: "", label: "全部" }, ...choices(ROLES)] },
    { name: "active", label: "状态", kind: "choice", choices: [{ value: "", label: "在用" }, { value: "false", label: "已停用" }] },
  ],
  columns: [
    { title: "姓名", text: (row) => row.name, more: (row) => row.username },
    { title: "角色和社区", text: (row) => sayGrants(row.grants) || "没有角色", mood: (row) => (row.grants.length ? "" : "still") },
    { title: "邮箱", text: (row) => row.email ?? "—" },
  ],
  start: [create],
  actions,
});

export const accountDevices = list<Device>({
  title: "登录的设备",
  lead: "这个账号在哪些设备上登录过。注销后，那台设备要重新登录。",
  right: "rights.manage",
  below: { page: "accounts", label: "账号" },
  read: (username) => `/people/${encodeURIComponent(username)}/devices`,
  id: (row) => row.id,
  empty: "没有登录过的设备",
  columns: [
    { title: "设备", text: (row) => row.name || "没有名称", more: (row) => (row.current ? "您正在用的这台" : "") },
    { title: "登录于", text: (row) => time(row.signed_in_at) },
    { title: "最近使用", text: (row) => time(row.seen_at) },
    { title: "状态", text: (row) => (row.revoked_at ? `已于 ${time(row.revoked_at)} 注销` : "登录中"), mood: (row) => (row.revoked_at ? "still" : "good") },
  ],
  start: [
    {
      label: "注销全部设备",
      right: "rights.manage",
      danger: true,
      says: (username) => `${username} 将立即退出所有设备，关联的浙政钉、微信身份也一并解除。密码不变。`,
      request: (username) => ({ path: `/people/${encodeURIComponent(username)}/devices/revoke` }),
      done: () => "全部设备已注销",
    },
  ],
  actions: [
    {
      label: "注销",
      right: "rights.manage",
      offered: (row) => !row.revoked_at,
      title: (row) => `注销设备：${row.name}`,
      says: () => "这台设备立即退出登录，要用密码重新登录。",
      request: (row, _, username) => ({ path: `/people/${encodeURIComponent(username)}/devices/${row.id}/revoke` }),
      done: () => "设备已注销",
    },
  ],
});

function sayRequest(row: AdminRequest): string {
  const parts = [
    row.name && `姓名改为“${row.name}”`,
    row.email && `邮箱改为 ${row.email}`,
    row.active === true && "启用账号",
    row.active === false && "停用账号",
    row.grants && `角色改为 ${sayGrants(row.grants) || "没有角色"}`,
    row.sets_password && "设置新密码",
    row.removes_second_factor && "移除二次验证",
  ];
  return parts.filter(Boolean).join("；");
}

/** One confirms what another has requested; who requested it may withdraw it. */
const mine = (row: AdminRequest) => row.requested_by === state.person?.username;

export const adminRequests = list<AdminRequest>({
  title: "待确认变更",
  lead: "对管理员账号的变更，须由另一类管理员在 24 小时内确认，才会生效。",
  right: "admin_request.decide",
  read: () => "/admin-requests",
  whole: true,
  id: (row) => row.id,
  empty: "没有等待确认的变更",
  columns: [
    { title: "账号", text: (row) => row.username },
    { title: "变更", text: sayRequest },
    { title: "提交", text: (row) => row.requested_by, more: (row) => time(row.requested_at) },
    {
      title: "状态",
      text: (row) => word(REQUEST_STATES, row.state) + (row.decided_by ? `（${row.decided_by}）` : ""),
      more: (row) => (row.state === "pending" ? `${time(row.expires_at)} 前有效` : time(row.decided_at)),
      mood: (row) => ({ pending: "soon", confirmed: "good", rejected: "still", expired: "still" } as const)[row.state],
    },
  ],
  actions: [
    {
      label: "确认",
      right: "admin_request.decide",
      offered: (row) => row.state === "pending" && !mine(row),
      title: (row) => `确认对 ${row.username} 的变更`,
      says: (row) => `${row.requested_by} 提交的变更将立即生效：${sayRequest(row)}。请先核实确是本人提出的。`,
      request: (row) => ({ path: `/admin-requests/${row.id}/confirm` }),
      done: () => "已确认，变更已生效",
    },
    {
      label: "驳回",
      right: "admin_request.decide",
      offered: (row) => row.state === "pending",
      title: (row) => `${mine(row) ? "撤回" : "驳回"}对 ${row.username} 的变更`,
      says: (row) => `这项变更不会生效：${sayRequest(row)}。`,
      request: (row) => ({ path: `/admin-requests/${row.id}/reject` }),
      done: () => "已驳回，变更没有生效",
    },
  ],
});

const ends = (row: Delegation) => !row.revoked_at && Date.parse(row.until) > Date.now();

export const delegations = list<Delegation>({
  title: "委托",
  lead: "分管领导外出时，把自己的角色委托给别人一段时间，最长 90 天。",
  right: "rules.see",
  read: () => "/delegations",
  id: (row) => row.id,
  empty: "没有委托",
  columns: [
    { title: "委托人", text: (row) => row.giver },
    { title: "受托人", text: (row) => row.receiver },
    { title: "范围", text: (row) => (row.scope ? areas([row.scope]) : "委托人的全部社区") },
    { title: "期间", text: (row) => `${time(row.since)} 至 ${time(row.until)}`, more: (row) => row.reason },
    {
      title: "状态",
      text: (row) => (row.revoked_at ? "已撤销" : !ends(row) ? "已结束" : Date.parse(row.since) > Date.now() ? "未开始" : "有效"),
      mood: (row) => (ends(row) ? "good" : "still"),
    },
  ],
  start: [
    {
      label: "新建委托",
      right: "delegation.make",
      fields: [
        { path: "to", label: "受托人用户名", kind: "line" },
        { path: "scope", label: "范围", kind: "area", hint: "“全部社区”指您自己的全部社区" },
        { path: "since", label: "开始", kind: "moment" },
        { path: "until", label: "结束", kind: "moment" },
        { path: "reason", label: "理由", kind: "text" },
      ],
      values: () => ({ id: newId(), to: "", scope: "", reason: "" }),
      request: (_, values) => ({ path: "/delegations", body: values }),
      done: () => "委托已建好",
    },
  ],
  actions: [
    {
      label: "撤销",
      right: "delegation.revoke",
      offered: ends,
      title: (row) => `撤销对 ${row.receiver} 的委托`,
      says: (row) => `${row.receiver} 立即失去 ${row.giver} 委托的权限。`,
      danger: true,
      request: (row) => ({ path: `/delegations/${row.id}/revoke` }),
      done: () => "委托已撤销",
    },
  ],
});
