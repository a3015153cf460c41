/** The code with which 浙政钉 or WeChat opens the page: `/m?provider=wechat&code=…`. It is used once and leaves the address. */
export interface Arrival {
  provider: string;
  code: string;
}

let arrival: Arrival | null = null;

/** Takes the code out of the address before anything else reads or shows it. Returns whether there was one. */
export function readArrival(): boolean {
  const query = new URLSearchParams(location.search);
  const provider = query.get("provider") ?? query.get("state");
  const code = query.get("code");
  if (location.search) history.replaceState(null, "", location.pathname + location.hash);
  arrival = provider && code ? { provider, code } : null;
  return arrival !== null;
}

export function takeArrival(): Arrival | null {
  const taken = arrival;
  arrival = null;
  return taken;
}
