/** The queue of a browser that stores nothing, as in a private window: the page says so, and must stay open. */
import type { QueueItem } from "./records";
import type { Draft, QueueStore } from "./store";

export class MemoryStore implements QueueStore {
  readonly lasting = false;
  private readonly kept = new Map<string, QueueItem>();
  private readonly blobs = new Map<string, Blob>();
  private readonly drafts = new Map<string, Draft>();

  items(): Promise<QueueItem[]> {
    return Promise.resolve(Array.from(this.kept.values(), copy));
  }

  find(id: string): Promise<QueueItem | undefined> {
    const found = this.kept.get(id);
    return Promise.resolve(found && copy(found));
  }

  enqueue(item: QueueItem): Promise<void> {
    this.kept.set(item.id, copy(item));
    if (item.kind === "report") this.drafts.delete(item.person);
    return Promise.resolve();
  }

  update(id: string, change: (item: QueueItem) => void, drop: string[] = []): Promise<boolean> {
    const item = this.kept.get(id);
    if (item) change(item);
    if (item) for (const key of drop) this.blobs.delete(key);
    return Promise.resolve(item !== undefined);
  }

  remove(id: string): Promise<void> {
    for (const photo of this.kept.get(id)?.photos ?? []) this.blobs.delete(photo.key);
    this.kept.delete(id);
    return Promise.resolve();
  }

  blob(key: string): Promise<Blob | undefined> {
    return Promise.resolve(this.blobs.get(key));
  }

  putBlob(key: string, blob: Blob): Promise<void> {
    this.blobs.set(key, blob);
    return Promise.resolve();
  }

  removeBlobs(keys: string[]): Promise<void> {
    for (const key of keys) this.blobs.delete(key);
    return Promise.resolve();
  }

  draft(person: string): Promise<Draft | undefined> {
    return Promise.resolve(this.drafts.get(person));
  }

  saveDraft(draft: Draft): Promise<void> {
    this.drafts.set(draft.person, copy(draft));
    return Promise.resolve();
  }

  removeDraft(person: string): Promise<void> {
    this.drafts.delete(person);
    return Promise.resolve();
  }

  takeLease(): Promise<boolean> {
    return Promise.resolve(true);
  }

  dropLease(): Promise<void> {
    return Promise.resolve();
  }
}

function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
