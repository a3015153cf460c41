import { tCode } from "../words";

/** The name of a step as people say it, with its result: 复查通过. */
export function stepName(body: Record<string, unknown>): string {
  const result = typeof body.result === "string" ? `.${body.result}` : "";
  const whole = `${String(body.step)}${result}`;
  const named = tCode("steps", whole);
  return named === whole ? tCode("steps", String(body.step)) : named;
}
