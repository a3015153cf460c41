/** A picture for each group of the catalogue, so that a category is found by its shape before it is read. */
const ICONS: Record<string, string> = {
  电动车充电: "bolt",
  防盗窗拆除: "window",
  用电监测: "plug",
  生命通道: "door",
  消防设施: "extinguisher",
  违规住人: "bed",
  燃气: "flame",
  动火作业: "spark",
};

export function groupIcon(group: string): string {
  return ICONS[group] ?? "other";
}
