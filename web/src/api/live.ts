/** Changes as they happen: server-sent events by fetch, because EventSource sends no token. */
import { NoServer } from "./answers";
import { eventParser } from "./events";
import { API, fetchWithin } from "./http";
import { authorization, renew } from "./session";

const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 60_000;
const WITHOUT_STREAM = 60_000;

/** `begin`, `hazard`, `gone` and `restart` are the server's; `poll`: this browser has no streams, so a minute is over. */
export interface LiveEvent {
  name: string;
  /** Whether what happened before this event may be missing: read everything again. */
  afresh: boolean;
}

/**
 * Calls `changed` for every event until the returned function is called. A stream that was cut goes on behind the last
 * event it has brought. `connected`: whether there is a stream now.
 */
export function listen(changed: (event: LiveEvent) => void, connected: (on: boolean) => void = () => undefined): () => void {
  let stopped = false;
  let last = "";
  let reader: ReadableStreamDefaultReader<Uint8Array> | null = null;

  async function read(): Promise<void> {
    const resumed: Record<string, string> = last ? { "Last-Event-ID": last } : {};
    const headers = { Accept: "text/event-stream", ...resumed, ...authorization() };
    const response = await fetchWithin(`${API}/live`, { headers, redirect: "error" });
    if (response.status === 401) await renew();
    if (response.status === 410 || response.status === 422) last = ""; // restored, or another reach: nothing to go on from
    if (!response.ok || !response.headers.get("X-Request-ID")) throw new NoServer("portal");
    reader = response.body?.getReader() ?? null;
    connected(true);
    const parse = eventParser();
    while (reader) {
      const { done, value } = await reader.read();
      if (done || stopped) return;
      for (const { id, name } of parse(value)) {
        const afresh = name === "restart" || (name === "begin" && !last);
        last = name === "restart" ? "" : id || last;
        if (name) changed({ name, afresh });
      }
    }
    await pause(WITHOUT_STREAM);
    changed({ name: "poll", afresh: true });
  }

  async function run(): Promise<void> {
    for (let wait = FIRST_WAIT; !stopped; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      try {
        await read();
        wait = FIRST_WAIT / 2; // a stream ends with its token, and the next one begins
      } catch {
        // Whatever cut the stream, the next one tells what was missed.
      }
      if (stopped) return;
      connected(false);
      await pause(wait);
    }
  }
  void run();
  return () => {
    stopped = true;
    void reader?.cancel().catch(() => undefined);
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
