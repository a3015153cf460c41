import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Answer, NoServer } from "../src/api/answers";
import { MemoryStore } from "../src/queue/memory";
import type { QueueItem } from "../src/queue/records";
import { Sender } from "../src/queue/sender";
import { answer, item, photo, problem } from "./builders";

/** A server in memory that answers as it is told, and remembers what it has accepted. */
class Office {
  person: string | null = "inspector";
  told: (Answer | Error)[] = [];
  asked: string[] = [];
  away: (string | null)[] = [];
  delivered: string[] = [];
  store = new MemoryStore();
  sender = new Sender(
    this.store,
    {
      person: () => this.person,
      sendDocument: (each) => this.answer(each.id, { hazard: { number: "XJ-2026-000001" }, missing_photos: each.photos.map((one) => one.sha256) }),
      sendPhoto: (each) => this.answer(each.key, { sha256: each.sha256 }),
      readHazard: () => Promise.resolve(null),
    },
    async (work) => {
      await work();
      return true;
    },
    {
      changed: () => undefined,
      delivered: (each) => this.delivered.push(each.id),
      progress: () => undefined,
      away: (reason) => this.away.push(reason),
    },
  );

  private answer(asked: string, data: unknown): Promise<Answer> {
    this.asked.push(asked);
    const next = this.told.shift() ?? answer(201, data);
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  }

  async add(...items: QueueItem[]): Promise<void> {
    for (const each of items) {
      for (const one of each.photos) await this.store.putBlob(one.key, new Blob(["abc"]));
      await this.store.enqueue(each);
    }
  }

  async send(for_ = 0): Promise<void> {
    this.sender.wake();
    await vi.advanceTimersByTimeAsync(for_);
  }

  async state(id: string): Promise<string | undefined> {
    return (await this.store.find(id))?.state;
  }
}

let office: Office;
beforeEach(() => {
  vi.useFakeTimers();
  office = new Office();
});
afterEach(() => {
  office.sender.stop();
  vi.useRealTimers();
});

describe("the sender", () => {
  it("sends a report, then its photos, and forgets their bytes", async () => {
    await office.add(item("r", { photos: [photo("a"), photo("b")] }));
    await office.send();
    expect(office.asked).toEqual(["r", "a", "b"]);
    expect(await office.state("r")).toBe("sent");
    expect((await office.store.find("r"))?.number).toBe("XJ-2026-000001");
    expect(await office.store.blob("a")).toBeUndefined();
    expect(office.delivered).toEqual(["r"]);
  });

  it("goes on where it was cut off, and sends nothing twice", async () => {
    await office.add(item("r", { photos: [photo("a"), photo("b")] }));
    office.told = [answer(201, { hazard: { number: "1" }, missing_photos: ["a", "b"] }), answer(201), new NoServer("network")];
    await office.send();
    expect(await office.state("r")).toBe("waiting");
    await office.send(2_000);
    expect(office.asked).toEqual(["r", "a", "b", "b"]);
    expect(office.away).toContain("network");
    expect(office.away[office.away.length - 1]).toBeNull();
  });

  it("does not send a photo that the server says it has", async () => {
    await office.add(item("r", { photos: [photo("a"), photo("b")] }));
    office.told = [answer(200, { hazard: { number: "1" }, missing_photos: ["b"] })];
    await office.send();
    expect(office.asked).toEqual(["r", "b"]);
  });

  it.each([new NoServer("network"), new NoServer("portal"), new NoServer("slow"), answer(503, null, "store.unavailable"), answer(507, null, "store.full"), answer(429, null, "requests.too_many"), answer(500, null, "internal"), answer(401, null, "auth.required"), answer(404)])(
    "loses nothing by %s",
    async (told) => {
      await office.add(item("r"));
      office.told = [told];
      await office.send();
      expect(await office.state("r")).toBe("waiting");
      await office.send(61_000);
      expect(await office.state("r")).toBe("sent");
    },
  );

  it("goes on with others when the server fails at one", async () => {
    await office.add(item("r"), item("q", { createdAt: 2 }));
    office.told = [answer(500, null, "internal")];
    await office.send();
    expect([await office.state("r"), await office.state("q")]).toEqual(["waiting", "sent"]);
  });

  it("keeps a refused report with its reason, and its photos", async () => {
    await office.add(item("r", { photos: [photo("a")] }));
    office.told = [answer(422, null, "step.needs")];
    await office.send();
    const found = await office.store.find("r");
    expect([found?.state, found?.problem?.code]).toEqual(["refused", "step.needs"]);
    expect(await office.store.blob("a")).toBeDefined();
    await office.send(120_000);
    expect(office.asked).toEqual(["r"]);
  });

  it("sends the other photos when one is refused, and says so at the end", async () => {
    await office.add(item("r", { photos: [photo("a"), photo("b")] }));
    office.told = [answer(201, { hazard: { number: "1" }, missing_photos: ["a", "b"] }), answer(422, null, "photo.damaged")];
    await office.send();
    const found = await office.store.find("r");
    expect(office.asked).toEqual(["r", "a", "b"]);
    expect([found?.state, found?.photos[0]?.problem?.code, found?.photos[1]?.sent]).toEqual(["refused", "photo.damaged", true]);
    expect(await office.store.blob("a")).toBeDefined();
  });

  it("says which photo the browser has cleared, and sends the rest", async () => {
    await office.add(item("r", { photos: [photo("a"), photo("b")] }));
    await office.store.removeBlobs(["a"]);
    await office.send();
    const found = await office.store.find("r");
    expect(found?.photos.map((each) => each.problem?.code ?? each.sent)).toEqual(["phone.gone", true]);
  });

  it("sends nothing of another person, and nothing without a sign-in", async () => {
    await office.add(item("r"), item("q", { person: "officer" }));
    office.person = null;
    await office.send(60_000);
    expect(office.asked).toEqual([]);
    office.person = "officer";
    await office.send();
    expect(office.asked).toEqual(["q"]);
    expect(await office.state("r")).toBe("waiting");
  });

  it("waits as long as the server asks", async () => {
    await office.add(item("r"));
    office.told = [{ ...answer(503, null, "store.unavailable"), retryAfter: 20 }];
    await office.send();
    await vi.advanceTimersByTimeAsync(19_000);
    expect(office.asked.length).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(office.asked.length).toBe(2);
  });

  it("keeps a step that no longer fits for the person to decide", async () => {
    await office.add(item("s", { kind: "step", hazard: "r" }));
    office.told = [answer(409, null, "hazard.stale")];
    await office.send();
    expect((await office.store.find("s"))?.problem).toEqual(problem(409, "hazard.stale"));
    expect(await office.state("s")).toBe("refused");
  });
});
