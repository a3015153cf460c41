/** Sends what waits, one after the other, until nothing is left that may be sent now. */
import { type Answer, NoServer } from "../api/answers";
import type { Hazard } from "../api/types";
import type { SendLock } from "./lock";
import { backoff, hasRefusedPhoto, judge, nextItem, nextTask, type QueuedPhoto, type QueueItem } from "./records";
import type { QueueStore } from "./store";

export interface Transport {
  /** The person who is signed in, whose items may be sent. */
  person(): string | null;
  sendDocument(item: QueueItem): Promise<Answer>;
  sendPhoto(photo: QueuedPhoto, blob: Blob, told: (part: number) => void): Promise<Answer>;
  /** The hazard as it is now; null if this person sees none. */
  readHazard(id: string): Promise<Hazard | null>;
}

/** `away`: why everything waits at the moment. */
export interface SenderEvents {
  changed(): void;
  /** An item and all its photos have arrived. */
  delivered(item: QueueItem): void;
  progress(id: string, photo: number, part: number): void;
  away(reason: Away | null): void;
}
export type Away = "network" | "portal" | "slow" | "busy" | "full";

const OTHER_TAB = 3_000;
const IDLE = 30_000;

export class Sender {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running = false;
  private again = false;
  private failures = 0;
  private pausedUntil = 0;

  constructor(
    private readonly store: QueueStore,
    private readonly transport: Transport,
    private readonly lock: SendLock,
    private readonly events: SenderEvents,
    private readonly clock: () => number = Date.now,
  ) {}

  /** Something may be sent: a new item, a sign-in, a network. `now`: also if the server was away a moment ago. */
  wake(now = false): void {
    if (now) this.pausedUntil = 0;
    if (this.running) this.again = true;
    else this.schedule(0);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private schedule(wait: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.run(), wait);
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    this.again = false;
    let wait = IDLE;
    try {
      const pause = this.pausedUntil - this.clock();
      if (pause > 0) wait = pause;
      else if (this.transport.person()) wait = (await this.lock(() => this.sendAll())) ? IDLE : OTHER_TAB;
      if (this.pausedUntil > this.clock()) wait = this.pausedUntil - this.clock();
    } finally {
      this.running = false;
      this.schedule(this.again ? 0 : wait);
    }
  }

  private async sendAll(): Promise<void> {
    for (;;) {
      const person = this.transport.person();
      const items = (await this.store.items()).filter((each) => each.person === person);
      const item = nextItem(items, this.clock());
      if (!item || this.pausedUntil > this.clock()) return;
      try {
        if (!(await this.advance(item))) return;
      } catch (error) {
        if (!(error instanceof NoServer)) throw error;
        this.pause(error.reason, null);
        return;
      }
    }
  }

  /** Does one task of an item. Returns whether to go on with the next. */
  private async advance(item: QueueItem): Promise<boolean> {
    const task = nextTask(item);
    if (task.do === "finish") return this.finish(item);
    const answer = task.do === "document" ? await this.transport.sendDocument(item) : await this.photo(item, task.photo);
    if (!answer) return true;
    const verdict = judge(answer);
    if (verdict === "sign-in") return false;
    if (verdict === "later") return this.postpone(item, answer);
    this.failures = 0;
    this.events.away(null);
    if (verdict !== "accepted") await this.refuse(item, task.do === "photo" ? task.photo : null, answer);
    else if (task.do === "photo") await this.photoSent(item, task.photo);
    else await this.documentSent(item, answer);
    this.events.changed();
    return true;
  }

  /** Null: the bytes are gone, which a cleared storage causes; the rest of the item still counts. */
  private async photo(item: QueueItem, photo: QueuedPhoto): Promise<Answer | null> {
    const blob = await this.store.blob(photo.key);
    if (!blob) {
      const gone = { type: "urn:anxun:problem:phone.gone", title: "", status: 0, code: "phone.gone" };
      await this.change(item, (each) => (each.problem = gone), photo);
      return null;
    }
    const place = item.photos.indexOf(photo) + 1;
    const begun = photo.upload;
    try {
      return await this.transport.sendPhoto(photo, blob, (part) => {
        this.events.progress(item.id, place, part);
      });
    } finally {
      if (photo.upload !== begun) await this.change(item, (each) => (each.upload = photo.upload), photo);
    }
  }

  private async documentSent(item: QueueItem, answer: Answer): Promise<void> {
    const answered = answer.data as { hazard?: Hazard; missing_photos?: string[] } & Partial<Hazard>;
    const missing = answered.missing_photos;
    const number = answered.hazard?.number ?? answered.number;
    await this.store.update(item.id, (each) => {
      each.accepted = true;
      each.attempts = 0;
      if (number) each.number = number;
      // After a lost answer some photos may be there already.
      if (missing) for (const photo of each.photos) photo.sent ||= !missing.includes(photo.sha256);
    });
  }

  private photoSent(item: QueueItem, photo: QueuedPhoto): Promise<void> {
    return this.change(item, (each) => (each.sent = true), photo, [photo.key]);
  }

  private async change(
    item: QueueItem,
    change: (photo: QueuedPhoto) => void,
    { key }: QueuedPhoto,
    drop: string[] = [],
  ): Promise<void> {
    await this.store.update(
      item.id,
      (each) => {
        each.photos.filter((photo) => photo.key === key).forEach(change);
      },
      drop,
    );
  }

  /** A picture that is refused holds up no other; the item is shown as refused once the others are there. */
  private async refuse(item: QueueItem, photo: QueuedPhoto | null, answer: Answer): Promise<void> {
    const problem = answer.problem ?? undefined;
    if (photo) {
      await this.change(item, (each) => (each.problem = problem), photo);
      return;
    }
    const present = item.kind === "step" ? await this.transport.readHazard(item.hazard) : null;
    await this.store.update(item.id, (each) => {
      each.state = "refused";
      each.problem = problem;
      if (present) each.present = present;
    });
  }

  private async finish(item: QueueItem): Promise<boolean> {
    const now = this.clock();
    const bytes = item.photos.map((each) => each.key);
    const incomplete = hasRefusedPhoto(item);
    await this.store.update(
      item.id,
      (each) => {
        each.state = incomplete ? "refused" : "sent";
        each.sentAt = now;
      },
      incomplete ? [] : bytes,
    );
    if (!incomplete) this.events.delivered(item);
    this.events.changed();
    return true;
  }

  /** The server is there but takes this one not now. A busy or full server concerns all of them. */
  private async postpone(item: QueueItem, answer: Answer): Promise<boolean> {
    const busy = answer.status === 429 || answer.status === 503 || answer.status === 507;
    if (busy) {
      this.pause(answer.status === 507 ? "full" : "busy", answer.retryAfter);
      return false;
    }
    const at = this.clock() + backoff(item.attempts, answer.retryAfter);
    await this.store.update(item.id, (each) => {
      each.attempts += 1;
      each.nextAt = at;
    });
    return true;
  }

  private pause(reason: Away, retryAfter: number | null): void {
    this.pausedUntil = this.clock() + backoff(this.failures, retryAfter);
    this.failures += 1;
    this.events.away(reason);
  }
}
