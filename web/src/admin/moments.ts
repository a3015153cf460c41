/** Instants as `<input type="datetime-local">` holds them, by the clocks of Shanghai (UTC+8, no summer time). */
const SHANGHAI = 8 * 3_600_000;

export function toLocal(iso: string): string {
  return new Date(Date.parse(iso) + SHANGHAI).toISOString().slice(0, 16);
}

export function fromLocal(local: string): string {
  return `${local.slice(0, 16)}:00+08:00`;
}
