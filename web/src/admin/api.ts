/** Requests of the admin pages that carry something else than JSON. */
import { type Answer, readAnswer } from "../api/answers";
import { API, BASE, fetchWithin } from "../api/http";
import { authorization, call, renew } from "../api/session";
import type { Person } from "../api/types";
import { state } from "../shared/state";

/** Sends a file as it is. A token that has ended is renewed once. Throws NoServer. */
export async function sendFile<T>(path: string, file: Blob): Promise<Answer<T>> {
  const answer = await post<T>(path, file);
  return answer.status === 401 && (await renew()) ? post<T>(path, file) : answer;
}

async function post<T>(path: string, body: Blob): Promise<Answer<T>> {
  const headers = { Accept: "application/json", "Content-Type": "application/octet-stream", ...authorization() };
  const response = await fetchWithin(`${API}${path}`, { method: "POST", headers, body, credentials: "same-origin", redirect: "error" });
  return readAnswer<T>(response.status, (name) => response.headers.get(name), await response.text());
}

/** A text at the root of the server, such as /metrics; null where it is refused. Throws NoServer. */
export async function readText(path: string): Promise<{ status: number; text: string }> {
  const options = () => ({ headers: authorization(), credentials: "same-origin" as const, redirect: "error" as const });
  let response = await fetchWithin(`${BASE}${path}`, options());
  if (response.status === 401 && (await renew())) response = await fetchWithin(`${BASE}${path}`, options());
  return { status: response.status, text: await response.text() };
}

/** Asks for the roles that are left, after something was forbidden: a right may have ended while the page was open. */
export async function readRights(): Promise<void> {
  const answer = await call<Person>("/me");
  if (!answer.ok) return;
  const roles = Array.from(new Set(answer.data.grants.map((grant) => grant.role)));
  state.person = { username: answer.data.username, name: answer.data.name, roles };
}
