/** ECharts with only what the dashboard draws: bars, a line and a map, on a canvas. */
import { BarChart, LineChart, MapChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent, VisualMapContinuousComponent } from "echarts/components";
import { type EChartsCoreOption, init, registerMap, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Area } from "../dashboard/types";
import { provideLazy } from "../shared/lazy";

use([BarChart, LineChart, MapChart, GridComponent, LegendComponent, TooltipComponent, VisualMapContinuousComponent, CanvasRenderer]);

export interface Chart {
  show: (option: EChartsCoreOption) => void;
  resize: () => void;
  close: () => void;
}

export interface Charts {
  /** `clicked` gets the series and the place in its data. */
  open: (element: HTMLElement, clicked: (at: { series: number; index: number; name: string }) => void) => Chart;
  defineMap: (areas: Area[]) => void;
}

const charts: Charts = {
  open(element, clicked) {
    const chart = init(element, null, { renderer: "canvas" });
    chart.on("click", ({ seriesIndex, dataIndex, name }) => {
      clicked({ series: seriesIndex ?? 0, index: dataIndex, name });
    });
    return {
      show: (option) => {
        chart.setOption(option);
      },
      resize: () => {
        chart.resize();
      },
      close: () => {
        chart.dispose();
      },
    };
  },
  defineMap: (areas) => {
    registerMap("office", { type: "FeatureCollection", features: areas } as unknown as Parameters<typeof registerMap>[1]);
  },
};

provideLazy("charts", charts);
