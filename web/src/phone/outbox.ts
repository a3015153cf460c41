/** The queue as the screens use it: one store, one sender, and what other tabs change. */
import { type Answer, NoServer } from "../api/answers";
import { call } from "../api/session";
import { sendPhoto } from "../api/upload";
import type { Hazard } from "../api/types";
import { MemoryStore } from "../queue/memory";
import { sendLock } from "../queue/lock";
import { declarePhotos, type QueuedPhoto, type QueueItem } from "../queue/records";
import { Sender, type SenderEvents, type Transport } from "../queue/sender";
import { openStore, type QueueStore } from "../queue/store";
import { newId } from "../shared/ids";
import { t } from "../words";
import { readHazard } from "./hazards";
import { say, state } from "./state";

const COUNT = "anxun.waiting";
const KEPT_SENT = 48 * 3_600_000;

export let store: QueueStore = new MemoryStore();
let sender: Sender | null = null;
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("anxun-queue") : null;

const transport: Transport = {
  person: () => (state.signedIn === "in" && state.online ? (state.person?.username ?? null) : null),
  async sendDocument(item): Promise<Answer> {
    const path = item.kind === "report" ? "/hazards" : `/hazards/${item.hazard}/steps`;
    const answer = await call<{ id?: string; hazard?: Hazard } | null>(path, { body: item.body });
    const id = answer.data?.hazard?.id ?? answer.data?.id;
    if (answer.ok && id !== item.hazard) throw new NoServer("portal"); // not about this one: nothing was accepted
    return answer;
  },
  sendPhoto,
  readHazard,
};

export async function openOutbox(): Promise<void> {
  try {
    store = await openStore();
    void (navigator as Partial<Navigator>).storage?.persist?.();
  } catch {
    store = new MemoryStore(); // refused, as in some private windows; the page says so
  }
  state.lasting = store.lasting;
  await noticeLoss();
  const events: SenderEvents = {
    changed: tellOthers,
    delivered: ({ number }) => {
      say(number ? t("outbox.sentNumber", { number }) : t("outbox.sent"));
    },
    progress: (id, photo, part) => (state.progress[id] = { photo, part }),
    away: (reason) => (state.away = reason),
  };
  const locks = (navigator as Partial<Navigator>).locks;
  sender = new Sender(store, transport, sendLock(store, locks), events);
  if (tabs) tabs.onmessage = () => void refresh();
  else setInterval(() => void refresh(), 3_000);
  window.addEventListener("online", () => {
    state.online = true;
    wake();
  });
  window.addEventListener("offline", () => (state.online = false));
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) wake();
  });
  await forgetOldSent();
  await refresh();
}

/** The number in localStorage says how many waited; a database that is empty then has been cleared. */
async function noticeLoss(): Promise<void> {
  const expected = Number(localStorage.getItem(COUNT) ?? 0);
  if (expected > 0 && (await store.items()).length === 0) state.lost = expected;
}

async function forgetOldSent(): Promise<void> {
  const old = (await store.items()).filter((each) => each.state === "sent" && (each.sentAt ?? 0) < Date.now() - KEPT_SENT);
  for (const each of old) await store.remove(each.id);
}

/** Reads the queue again: one's own items, and of others only how many. */
export async function refresh(): Promise<void> {
  const all = await store.items();
  const own = all.filter((each) => each.person === state.person?.username);
  state.items = own.sort((a, b) => b.createdAt - a.createdAt);
  state.others = all.filter((each) => each.person !== state.person?.username && each.state !== "sent").length;
  localStorage.setItem(COUNT, String(all.filter((each) => each.state !== "sent").length));
}

function tellOthers(): void {
  tabs?.postMessage("changed");
  state.changes += 1;
  void refresh();
}

export function wake(): void {
  sender?.wake(true);
}

/** Puts a report or step into the queue. Rejects with QuotaExceededError on a full disk; the form keeps it then. */
export async function enqueue(made: Omit<QueueItem, "person" | "createdAt" | "state" | "accepted" | "attempts" | "nextAt">): Promise<void> {
  const person = state.person?.username;
  if (!person) throw new Error("nobody to report for");
  const fresh = { state: "waiting", accepted: false, attempts: 0, nextAt: 0 } as const;
  // Plain data: what Vue watches cannot be stored.
  const item = JSON.parse(JSON.stringify({ ...made, ...fresh, person, createdAt: Date.now() })) as QueueItem;
  await store.enqueue(item);
  state.lost = 0;
  tellOthers();
  wake();
}

export async function keepPhoto(photo: QueuedPhoto, blob: Blob): Promise<void> {
  await store.putBlob(photo.key, blob);
}

export async function removeItem(id: string): Promise<void> {
  await store.remove(id);
  tellOthers();
}

/** Sends a refused one again, under a new id: what the server has refused it does not know. */
export async function resend(
  item: QueueItem,
  body: Record<string, unknown>,
  photos = item.photos,
  { title, place }: Pick<QueueItem, "title" | "place"> = item,
): Promise<void> {
  const id = newId();
  const open = photos.filter((each) => !each.problem).map((each) => ({ ...each, problem: undefined }));
  const hazard = item.kind === "report" ? id : item.hazard;
  await enqueue({ kind: item.kind, title, place, id, hazard, body: { ...body, id, ...declared(body, open) }, photos: open });
  // The bytes belong to the new item now.
  const gone = item.photos.filter((each) => !photos.includes(each) || each.problem).map((each) => each.key);
  await store.update(item.id, (each) => (each.photos = []), gone);
  await removeItem(item.id);
}

function declared(body: Record<string, unknown>, photos: QueuedPhoto[]): Record<string, unknown> {
  return "photos" in body ? { photos: declarePhotos(photos) } : {};
}

/** Leaves out the pictures that the server takes never; the report itself is there already, or goes now. */
export async function dropRefusedPhotos(item: QueueItem): Promise<void> {
  if (!item.accepted) {
    await resend(item, item.body);
    return;
  }
  const gone = item.photos.filter((each) => each.problem).map((each) => each.key);
  const change = (each: QueueItem) => {
    each.photos = each.photos.filter((photo) => !photo.problem);
    each.state = "sent";
  };
  await store.update(item.id, change, gone);
  tellOthers();
}

/** Whether the page says to stay open: only https and localhost have a service worker that opens it offline. */
export const opensOffline = "serviceWorker" in navigator && window.isSecureContext;
