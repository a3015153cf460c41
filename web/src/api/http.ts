/** One request and its answer. */
import { language } from "../words";
import { type Answer, NoServer, readAnswer } from "./answers";

export const BASE = document.documentElement.dataset.base ?? "";
export const API = `${BASE}/api/v1`;
const PATIENCE = 30_000;

export interface Request {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export async function send<T>(path: string, { method, body, headers }: Request = {}): Promise<Answer<T>> {
  const json: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await fetchWithin(`${API}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { Accept: "application/json", "Accept-Language": language.value, ...json, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    redirect: "error",
    cache: "no-store",
  });
  const text = await within(response.text());
  return readAnswer<T>(response.status, (name) => response.headers.get(name), text);
}

export async function fetchWithin(url: string, options: RequestInit): Promise<Response> {
  return within(
    fetch(url, options).catch(() => {
      throw new NoServer("network");
    }),
  );
}

/** Gives up in time: a phone that changes its cell may wait for minutes on a connection that is gone. */
async function within<T>(work: Promise<T>): Promise<T> {
  let timer = 0;
  const late = new Promise<never>((_, reject) => {
    timer = window.setTimeout(() => {
      reject(new NoServer("slow"));
    }, PATIENCE);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw error instanceof NoServer ? error : new NoServer("network");
  } finally {
    clearTimeout(timer);
  }
}
