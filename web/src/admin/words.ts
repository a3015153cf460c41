/** The Chinese words of codes, and how values are written in tables. */
import type { Choice } from "./describe";
import { communityName, serverNow, state } from "../shared/state";
import { sayTime } from "../words/times";

export const ROLES: Record<string, string> = {
  inspector: "巡查员",
  officer: "安全专管员",
  handler: "整改人",
  supervisor: "分管领导",
  analyst: "统计员",
  admin: "管理员",
  system_admin: "系统管理员",
  security_admin: "安全管理员",
  audit_admin: "审计管理员",
};
export const UNITS: Record<string, string> = { min: "分钟", h: "小时", wh: "工作小时", wd: "工作日", d: "天" };
export const PRIORITIES: Record<string, string> = { urgent: "紧急", high: "较急", normal: "一般" };
export const CLOCKS: Record<string, string> = {
  accept: "受理", start: "签收", fix: "整改", recheck: "复查", review: "暂缓复核", reply: "移交答复",
};
export const KINDS: Record<string, string> = { mains: "总进线", household: "住户", shop: "商铺", camera: "摄像头", lift: "电梯" };
export const VENDORS: Record<string, string> = {
  canonical: "标准格式", breaker: "智能断路器", thing_model: "物模型", property_list: "属性列表", alarm_list: "报警列表",
};
export const METRICS: Record<string, string> = {
  residual_current_ma: "剩余电流（mA）", temperature_c: "温度（℃）", arc_count: "电弧（次）", voltage_v: "电压（V）",
  current_a: "电流（A）", ebike_detected: "电动车识别",
};
export const REQUEST_STATES: Record<string, string> = { pending: "待确认", confirmed: "已确认", rejected: "已驳回", expired: "已过期" };
export const EVENTS: Record<string, string> = {
  "sign_in": "登录",
  "sign_in.failed": "登录失败",
  "sign_out": "退出登录",
  "token.copied": "令牌疑被复制",
  "device.revoked": "注销一台设备",
  "devices.revoked": "注销全部设备",
  "password.changed": "修改密码",
  "totp.confirmed": "开通二次验证",
  "totp.removed": "移除二次验证",
  "identity.linked": "关联外部身份",
  "identity.unlinked": "解除外部身份",
  "account.made": "新建账号",
  "account.changed": "修改账号",
  "admin.requested": "提交管理员变更",
  "admin.confirmed": "确认管理员变更",
  "admin.rejected": "驳回管理员变更",
  "key.made": "新建密钥",
  "key.renewed": "更换密钥",
  "key.revoked": "吊销密钥",
  "delegation.made": "新建委托",
  "delegation.revoked": "撤销委托",
  "rules.edited": "修改规则",
  "words.erased": "清除个人信息",
  "original.viewed": "查看原图",
  "photos.let_go": "清理照片",
  "exported": "导出",
  "imported": "导入",
};

export function choices(words: Record<string, string>): Choice[] {
  return Object.entries(words).map(([value, label]) => ({ value, label }));
}

/** A code that a newer server has and this page does not know stays as it is. */
export function word(words: Record<string, string>, code: string): string {
  return words[code] ?? code;
}

export function time(iso: string | null | undefined): string {
  return iso ? sayTime(iso, serverNow.value) : "—";
}

export function sayTerm(term: { amount: number; unit: string } | null | undefined): string {
  return term ? `${term.amount} ${word(UNITS, term.unit)}` : "—";
}

/** A prefix of community codes as people say it: 全部社区, 新嘉街道, 西马桥社区. */
export function area(scope: string): string {
  if (!scope) return "全部社区";
  if (scope.length === 12) return communityName(scope);
  const inside = state.communities.find((each) => each.code.startsWith(scope));
  return scope.length === 9 && inside?.street_name ? `${inside.street_name}（全部社区）` : `编码 ${scope} 开头的社区`;
}

export function areas(scopes: readonly string[]): string {
  const [first, second] = scopes;
  if (first === undefined) return "";
  return scopes.length > 2 && second !== undefined ? `${area(first)}等 ${scopes.length} 处` : scopes.map(area).join("、");
}

/** What a scope may be: the whole office, a street, a community. */
export function areaChoices(): Choice[] {
  const streets = new Map(state.communities.map((each) => [each.street, each.street_name]));
  return [
    { value: "", label: "全部社区" },
    ...Array.from(streets, ([value, label]) => ({ value, label: `${label}（全部社区）` })),
    ...communityChoices(),
  ];
}

export function communityChoices(): Choice[] {
  return state.communities.map((each) => ({ value: each.code, label: each.name }));
}

export function categoryChoices(): Choice[] {
  return state.categories.map((each) => ({ value: each.code, label: `${each.code} ${each.name}` }));
}
