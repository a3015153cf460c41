/** What an answer is. Whatever did not come from our server is none: a captive portal answers 200 too. */
import type { Problem } from "./types";

/** `portal`: somebody else answered, such as the sign-in page of a wireless network or a proxy without our server. */
export class NoServer extends Error {
  constructor(readonly reason: "network" | "portal" | "slow") {
    super(`no answer of the server: ${reason}`);
    this.name = "NoServer";
  }
}

export interface Answer<T = unknown> {
  status: number;
  ok: boolean;
  data: T;
  problem: Problem | null;
  /** Seconds. */
  retryAfter: number | null;
}

/** Understands an answer of ours, by fetch or XMLHttpRequest. Throws NoServer for one that is not. */
export function readAnswer<T>(status: number, header: (name: string) => string | null, text: string): Answer<T> {
  if (!header("X-Request-ID")) throw new NoServer("portal");
  const data = parse(text, header("Content-Type") ?? "");
  const ok = status >= 200 && status < 300;
  const wait = Number(header("Retry-After"));
  return {
    status,
    ok,
    data: data as T,
    problem: ok ? null : readProblem(data),
    retryAfter: wait > 0 ? wait : null,
  };
}

function parse(text: string, type: string): unknown {
  if (!text || !/json/.test(type)) return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new NoServer("network"); // cut off on its way
  }
}

function readProblem(data: unknown): Problem | null {
  const problem = data as Partial<Problem> | null;
  return problem && typeof problem.code === "string" && typeof problem.title === "string"
    ? (problem as Problem)
    : null;
}
