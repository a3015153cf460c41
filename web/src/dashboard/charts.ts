/** What the charts show, as options of ECharts; colours come from the style of the page. */
import type { EChartsCoreOption } from "echarts/core";
import { sayMetric, sayNumber } from "./numbers";
import type { Interval } from "./period";
import type { FlowName, TrendRow } from "./types";

export interface Colours {
  ink: string;
  ink2: string;
  paper: string;
  line: string;
  accent: string;
  before: string;
  low: string;
  high: string;
  /** The size of letters, in pixels. */
  text: number;
  font: string;
}

/** Of the element's own style, which a wall or a print changes. */
export function readColours(element: Element): Colours {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return {
    ink: of("--ink"),
    ink2: of("--ink-2"),
    paper: of("--paper"),
    line: of("--line"),
    accent: of("--chart"),
    before: of("--chart-2"),
    low: of("--map-low"),
    high: of("--map-high"),
    text: parseFloat(style.fontSize) || 14,
    font: style.fontFamily,
  };
}

/** 1 月, W23, 11-23. */
export function bucketName({ from }: TrendRow, interval: Interval): string {
  const [, month = "", day = ""] = from.split("-");
  return interval === "month" ? `${Number(month)}月` : `${Number(month)}-${day}`;
}

export interface TrendNames {
  now: string;
  before: string;
}

export function trendOption(flow: FlowName, now: TrendRow[], before: TrendRow[], interval: Interval, names: TrendNames, colours: Colours): EChartsCoreOption {
  const { ink2, line, text } = colours;
  const label = { color: ink2, fontSize: text * 0.86, fontFamily: colours.font };
  return {
    animation: false,
    aria: { enabled: false },
    grid: { left: text, right: text, top: text * 3, bottom: text * 0.5, containLabel: true },
    legend: { top: 0, right: 0, itemWidth: text, itemHeight: text * 0.7, textStyle: label },
    tooltip: tooltip(colours, { trigger: "axis", axisPointer: { type: "shadow" } }),
    xAxis: { type: "category", data: now.map((row) => bucketName(row, interval)), axisTick: { show: false }, axisLine: { lineStyle: { color: line } }, axisLabel: label },
    yAxis: { type: "value", minInterval: 1, splitNumber: 4, splitLine: { lineStyle: { color: line } }, axisLabel: label },
    series: [
      { name: names.now, type: "bar", data: now.map((row) => row[flow]), barMaxWidth: text * 2.2, itemStyle: { color: colours.accent, borderRadius: [3, 3, 0, 0] } },
      {
        name: names.before,
        type: "line",
        data: now.map((_, index) => before[index]?.[flow] ?? null),
        symbolSize: text * 0.5,
        lineStyle: { color: colours.before, width: text / 7, type: "dashed" },
        itemStyle: { color: colours.before },
      },
    ],
  };
}

export interface MapValue {
  code: string;
  name: string;
  value: number | null;
}

export function mapOption(metric: string, values: MapValue[], colours: Colours): EChartsCoreOption {
  const { ink, paper, text } = colours;
  const known = values.filter((each) => each.value !== null);
  const most = Math.max(...known.map((each) => each.value ?? 0), 0);
  return {
    animation: false,
    aria: { enabled: false },
    tooltip: tooltip(colours, {
      trigger: "item",
      formatter: ({ name }: { name: string }) => {
        const found = values.find((each) => each.code === name);
        return found ? `${found.name}  ${sayMetric(metric, found.value)}` : "";
      },
    }),
    visualMap: {
      show: false,
      min: 0,
      max: most || 1,
      inRange: { color: [colours.low, colours.high] },
    },
    series: [
      {
        type: "map",
        map: "office",
        nameProperty: "code",
        selectedMode: false,
        left: text,
        right: text,
        top: text / 2,
        bottom: text / 2,
        preserveAspect: true,
        aspectScale: 0.86, // a degree of longitude is so much shorter at 31° north
        itemStyle: { borderColor: paper, borderWidth: text / 8, areaColor: colours.low },
        emphasis: { itemStyle: { areaColor: null, borderColor: ink }, label: { color: ink } },
        label: {
          show: values.length <= 40,
          color: ink,
          fontSize: text * 0.86,
          fontFamily: colours.font,
          formatter: ({ name }: { name: string }) => shortName(values.find((each) => each.code === name)?.name ?? ""),
        },
        data: values.map((each) => ({ name: each.code, value: each.value ?? 0 })),
      },
    ],
  };
}

/** 清河社区居委会 is 清河社区 on a map. */
export function shortName(name: string): string {
  return name.replace(/社区居(民委员|委)会$/, "社区").replace(/村村?(民委员|委)会$/, "村");
}

/** As rich text: what HTML would need is an inline style, which the page does not allow. */
function tooltip(colours: Colours, more: object): object {
  return {
    renderMode: "richText",
    confine: true,
    backgroundColor: colours.paper,
    borderColor: colours.line,
    textStyle: { color: colours.ink, fontSize: colours.text * 0.93, fontFamily: colours.font },
    valueFormatter: (value: number | null) => sayNumber(value),
    ...more,
  };
}
