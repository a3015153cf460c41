/** All pages, in the order of the menu. */
import type { Page } from "./describe";
import { accountDevices, accounts, adminRequests, delegations } from "./pages/accounts";
import { deliveries, deviceImport, devices, keys, ledgerImport, securityLog } from "./pages/machines";
import { categories, communities, communityImport, dispatchRules, rules, templates } from "./pages/rules";
import { may } from "./rights";

const calendar: Page = {
  shows: "calendar",
  page: { title: "工作日历", lead: "法定节假日和调休。期限按工作日计算；没有发布的年份先按周一至周五，期限标为暂定。", right: "rules.see" },
};
const health: Page = { shows: "health", page: { title: "运行状况", lead: "服务器能不能办事，忙不忙。", right: "metrics.see" } };

interface Group {
  title: string;
  pages: Record<string, Page | undefined>;
}

const GROUPS: Group[] = [
  { title: "人员", pages: { accounts, "admin-requests": adminRequests, delegations } },
  {
    title: "业务规则",
    pages: { categories, rules, "dispatch-rules": dispatchRules, calendar, templates, communities, "import-communities": communityImport },
  },
  { title: "设备和接口", pages: { devices, "import-devices": deviceImport, keys, deliveries } },
  { title: "运行", pages: { "security-log": securityLog, "import-ledger": ledgerImport, health } },
];
const BELOW: Record<string, Page | undefined> = { "account-devices": accountDevices };

/** What the signed-in person may see; groups without a page are left out. */
export function openGroups(): { title: string; pages: [string, Page][] }[] {
  const groups = GROUPS.map(({ title, pages }) => ({ title, pages: (Object.entries(pages) as [string, Page][]).filter(([, { page }]) => may(page.right)) }));
  return groups.filter(({ pages }) => pages.length);
}

export function findPage(name: string): Page | undefined {
  return BELOW[name] ?? GROUPS.map(({ pages }) => pages[name]).find((page) => page !== undefined);
}
