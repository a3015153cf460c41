/** Reads what Prometheus reads, and picks what says how the server does. */
import { flatMap } from "./collections";
import { sayLength } from "../words/times";

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface HealthFigure {
  label: string;
  value: string;
  mood: "late" | "soon" | "good" | "";
}

/** Samples of the text format of Prometheus; comments are left out. */
export function parseMetrics(text: string): Sample[] {
  return flatMap(text.split("\n"), (line) => {
    const [, name, labels = "", value] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return name ? [{ name, labels: parseLabels(labels), value: Number(value) }] : [];
  });
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  const pair = /(\w+)="((?:[^"\\]|\\.)*)"/g;
  for (let found = pair.exec(text); found; found = pair.exec(text)) labels[found[1] ?? ""] = found[2] ?? "";
  return labels;
}

export function figures(text: string): HealthFigure[] {
  const samples = parseMetrics(text);
  const total = (name: string, fits: (labels: Sample["labels"]) => boolean = () => true) =>
    samples.filter((each) => each.name === name && fits(each.labels)).reduce((sum, each) => sum + each.value, 0);
  const requests = total("anxun_requests_total");
  const failed = total("anxun_requests_total", ({ status }) => status?.startsWith("5") ?? false);
  const overdue = total("anxun_hazards", ({ standing }) => standing === "overdue");
  const oldest = Math.max(0, ...samples.filter((each) => each.name === "anxun_oldest_open_seconds").map((each) => each.value));
  const seconds = total("anxun_request_seconds_sum") / Math.max(1, total("anxun_request_seconds_count"));
  return [
    { label: "启动以来的请求", value: `${requests} 次，其中服务器出错 ${failed} 次`, mood: failed ? "late" : "" },
    { label: "平均用时", value: `${Math.round(seconds * 1000)} 毫秒`, mood: "" },
    { label: "未销号的隐患", value: `${total("anxun_hazards")} 起，其中逾期 ${overdue} 起`, mood: overdue ? "late" : "" },
    { label: "最早的一起已上报", value: oldest ? sayLength(oldest * 1000) : "—", mood: "" },
  ];
}
