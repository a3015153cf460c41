/** Changes as they happen: server-sent events by fetch, because EventSource sends no token. */
import { NoServer } from "./answers";
import { API, fetchWithin } from "./http";
import { authorization, renew } from "./session";

const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 60_000;
const WITHOUT_STREAM = 60_000;

/** Calls `changed` for every event until `stop()`. Without streams in this browser it is called every minute. */
export function listen(changed: (event: string) => void): () => void {
  let stopped = false;
  let reader: ReadableStreamDefaultReader<Uint8Array> | null = null;

  async function read(): Promise<void> {
    const options = { headers: { Accept: "text/event-stream", ...authorization() }, redirect: "error" } as const;
    const response = await fetchWithin(`${API}/live`, options);
    if (response.status === 401) await renew();
    if (!response.ok || !response.headers.get("X-Request-ID")) throw new NoServer("portal");
    reader = response.body?.getReader() ?? null;
    const decoder = new TextDecoder();
    let rest = "";
    while (reader) {
      const { done, value } = await reader.read();
      if (done || stopped) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("event:")) changed(line.slice(6).trim());
    }
    await pause(WITHOUT_STREAM);
    changed("poll");
  }

  async function run(): Promise<void> {
    for (let wait = FIRST_WAIT; !stopped; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      try {
        await read();
        wait = FIRST_WAIT / 2; // a stream ends with its token, and the next one begins
      } catch {
        // Whatever cut the stream, the next one tells what was missed: every event only asks for a new list.
      }
      if (!stopped) await pause(wait);
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
