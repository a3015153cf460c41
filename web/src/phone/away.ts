/** Why nothing can be sent at the moment, in words; empty if nothing is in the way. */
import { computed } from "vue";
import { t } from "../words";
import { state } from "./state";

export const awayWords = computed(() => {
  if (!state.online) return t("away.offline");
  return state.away ? t(`away.${state.away}`) : "";
});
