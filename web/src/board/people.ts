/** Names for usernames. Who is not listed, such as a resident behind a link, keeps the name that the history has. */
import { reactive } from "vue";
import { call } from "../api/session";
import type { Answer } from "../api/answers";
import type { Person } from "../api/types";
import { tBoard } from "../words/board";

interface PersonPage {
  items: Person[];
  next_cursor?: string | null;
}

const names = reactive(new Map<string, string>());

export async function readPeople(): Promise<void> {
  let cursor: string | null = null;
  const found: Person[] = [];
  do {
    const query: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const answer: Answer<PersonPage> = await call(`/people?limit=500${query}`);
    if (!answer.ok) return;
    found.push(...answer.data.items);
    cursor = answer.data.next_cursor ?? null;
  } while (cursor);
  for (const each of found) names.set(each.username, each.name);
}

export function personName(username: string | null): string {
  if (!username) return "";
  return username === "system" ? tBoard("story.system") : (names.get(username) ?? username);
}

/** Who can fix hazards in one of these communities. */
export async function readHandlers(communities: string[]): Promise<Person[]> {
  const query = new URLSearchParams({ role: "handler", limit: "200" });
  for (const code of communities) query.append("community", code);
  const answer = await call<PersonPage>(`/people?${query.toString()}`);
  return answer.ok ? answer.data.items : [];
}
