/** Where the queue is kept: IndexedDB, so that it survives a closed page; in memory where a browser refuses that. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { QueuedPhoto, QueueItem } from "./records";

/** A form that was not sent yet. */
export interface Draft {
  person: string;
  form: Record<string, unknown>;
  photos: QueuedPhoto[];
}

export interface Lease {
  name: "lease";
  owner: string;
  until: number;
}

interface Schema extends DBSchema {
  items: { key: string; value: QueueItem };
  blobs: { key: string; value: { key: string; blob: Blob | ArrayBuffer } };
  drafts: { key: string; value: Draft };
  leases: { key: string; value: Lease };
}

export interface QueueStore {
  /** False: gone when the page closes. */
  readonly lasting: boolean;
  items(): Promise<QueueItem[]>;
  find(id: string): Promise<QueueItem | undefined>;
  /** Adds an item and removes its draft, both or neither. */
  enqueue(item: QueueItem): Promise<void>;
  /** Changes an item that is still there; false if it is gone. `drop`: bytes that are not needed any more. */
  update(id: string, change: (item: QueueItem) => void, drop?: string[]): Promise<boolean>;
  remove(id: string): Promise<void>;
  blob(key: string): Promise<Blob | undefined>;
  putBlob(key: string, blob: Blob): Promise<void>;
  removeBlobs(keys: string[]): Promise<void>;
  draft(person: string): Promise<Draft | undefined>;
  saveDraft(draft: Draft): Promise<void>;
  removeDraft(person: string): Promise<void>;
  /** Takes or renews the right to send; false while another tab has it. */
  takeLease(owner: string, now: number, lasts: number): Promise<boolean>;
  dropLease(owner: string): Promise<void>;
}

/** Opens the store and writes to it once, because some browsers open it in private windows and refuse the first write. */
export async function openStore(name = "anxun"): Promise<QueueStore> {
  const database = await openDB<Schema>(name, 1, {
    upgrade(made) {
      made.createObjectStore("items", { keyPath: "id" });
      made.createObjectStore("blobs", { keyPath: "key" });
      made.createObjectStore("drafts", { keyPath: "person" });
      made.createObjectStore("leases", { keyPath: "name" });
    },
  });
  const store = new LastingStore(database);
  await store.putBlob("probe", new Blob(["probe"]));
  await store.removeBlobs(["probe"]);
  return store;
}

export class LastingStore implements QueueStore {
  readonly lasting = true;

  constructor(private readonly database: IDBPDatabase<Schema>) {}

  items(): Promise<QueueItem[]> {
    return this.database.getAll("items");
  }

  find(id: string): Promise<QueueItem | undefined> {
    return this.database.get("items", id);
  }

  async enqueue(item: QueueItem): Promise<void> {
    const change = this.database.transaction(["items", "drafts"], "readwrite");
    await Promise.all([
      change.objectStore("items").put(item),
      item.kind === "report" ? change.objectStore("drafts").delete(item.person) : undefined,
      change.done,
    ]);
  }

  async update(id: string, change: (item: QueueItem) => void, drop: string[] = []): Promise<boolean> {
    const transaction = this.database.transaction(["items", "blobs"], "readwrite");
    const items = transaction.objectStore("items");
    const item = await items.get(id);
    if (item) {
      change(item);
      await items.put(item);
      for (const key of drop) await transaction.objectStore("blobs").delete(key);
    }
    await transaction.done;
    return item !== undefined;
  }

  async remove(id: string): Promise<void> {
    const transaction = this.database.transaction(["items", "blobs"], "readwrite");
    const item = await transaction.objectStore("items").get(id);
    for (const photo of item?.photos ?? []) await transaction.objectStore("blobs").delete(photo.key);
    await transaction.objectStore("items").delete(id);
    await transaction.done;
  }

  async blob(key: string): Promise<Blob | undefined> {
    const found = (await this.database.get("blobs", key))?.blob;
    return found instanceof ArrayBuffer ? new Blob([found]) : found;
  }

  /** Old WebKit stores no Blob, but the same bytes as a buffer. A full disk rejects both with QuotaExceededError. */
  async putBlob(key: string, blob: Blob): Promise<void> {
    try {
      await this.database.put("blobs", { key, blob });
    } catch (error) {
      if (isFull(error)) throw error;
      await this.database.put("blobs", { key, blob: await new Response(blob).arrayBuffer() });
    }
  }

  async removeBlobs(keys: string[]): Promise<void> {
    const transaction = this.database.transaction("blobs", "readwrite");
    for (const key of keys) await transaction.store.delete(key);
    await transaction.done;
  }

  draft(person: string): Promise<Draft | undefined> {
    return this.database.get("drafts", person);
  }

  async saveDraft(draft: Draft): Promise<void> {
    await this.database.put("drafts", draft);
  }

  removeDraft(person: string): Promise<void> {
    return this.database.delete("drafts", person);
  }

  async takeLease(owner: string, now: number, lasts: number): Promise<boolean> {
    const transaction = this.database.transaction("leases", "readwrite");
    const held = await transaction.store.get("lease");
    // A lease that ends later than any can was written by another clock.
    const free = !held || held.owner === owner || held.until <= now || held.until > now + lasts;
    if (free) await transaction.store.put({ name: "lease", owner, until: now + lasts });
    await transaction.done;
    return free;
  }

  async dropLease(owner: string): Promise<void> {
    const transaction = this.database.transaction("leases", "readwrite");
    if ((await transaction.store.get("lease"))?.owner === owner) await transaction.store.delete("lease");
    await transaction.done;
  }
}

export function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === "QuotaExceededError";
}
