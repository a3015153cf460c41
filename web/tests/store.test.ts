import "fake-indexeddb/auto";
import { describe, expect, it, vi } from "vitest";
import { sendLock } from "../src/queue/lock";
import { MemoryStore } from "../src/queue/memory";
import { openStore, type QueueStore } from "../src/queue/store";
import { item, photo } from "./builders";

let number = 0;
const lasting = () => openStore(`test-${(number += 1)}`);
const memory = () => Promise.resolve<QueueStore>(new MemoryStore());

describe.each([["IndexedDB", lasting], ["memory", memory]])("the store in %s", (_, open) => {
  it("keeps an item, and removes its draft with it", async () => {
    const store = await open();
    await store.saveDraft({ person: "inspector", form: { place: "x" }, photos: [] });
    await store.enqueue(item("r"));
    expect(await store.draft("inspector")).toBeUndefined();
    expect((await store.items()).map((each) => each.id)).toEqual(["r"]);
  });

  it("keeps the draft of a report when a step is queued", async () => {
    const store = await open();
    await store.saveDraft({ person: "inspector", form: {}, photos: [] });
    await store.enqueue(item("s", { kind: "step" }));
    expect(await store.draft("inspector")).toBeDefined();
  });

  it("drops bytes together with the change that makes them needless", async () => {
    const store = await open();
    await store.putBlob("a", new Blob(["abc"]));
    await store.enqueue(item("r", { photos: [photo("a")] }));
    expect(await store.update("r", (each) => (each.state = "sent"), ["a"])).toBe(true);
    expect(await store.blob("a")).toBeUndefined();
    expect((await store.find("r"))?.state).toBe("sent");
  });

  it("changes nothing about an item that is gone", async () => {
    const store = await open();
    await store.putBlob("a", new Blob(["abc"]));
    expect(await store.update("none", (each) => (each.state = "sent"), ["a"])).toBe(false);
    expect(await (await store.blob("a"))?.text()).toBe("abc");
  });

  it("removes an item with its photos", async () => {
    const store = await open();
    await store.putBlob("a", new Blob(["abc"]));
    await store.enqueue(item("r", { photos: [photo("a")] }));
    await store.remove("r");
    expect([await store.find("r"), await store.blob("a")]).toEqual([undefined, undefined]);
  });
});

it("survives a closed page", async () => {
  const first = await openStore("again");
  await first.putBlob("a", new Blob(["abc"]));
  await first.enqueue(item("r", { photos: [photo("a")] }));
  const second = await openStore("again");
  expect((await second.items()).length).toBe(1);
  expect(await (await second.blob("a"))?.text()).toBe("abc");
});

describe("the lease of a sender without Web Locks", () => {
  it("lets one tab send at a time", async () => {
    const store = await lasting();
    const [one, other] = [sendLock(store, undefined), sendLock(store, undefined)];
    let release = () => undefined as unknown;
    const first = one(() => new Promise<void>((resolve) => (release = resolve)));
    await vi.waitFor(async () => {
      expect(await store.takeLease("third", Date.now(), 10_000)).toBe(false);
    });
    expect(await other(() => Promise.reject(new Error("two at once")))).toBe(false);
    release();
    expect(await first).toBe(true);
    expect(await other(() => Promise.resolve())).toBe(true);
  });

  it("ends with a tab that died, and is not held by a clock of another year", async () => {
    const store = await lasting();
    expect(await store.takeLease("dead", 0, 10_000)).toBe(true);
    expect(await store.takeLease("living", 9_999, 10_000)).toBe(false);
    expect(await store.takeLease("living", 10_000, 10_000)).toBe(true);
    expect(await store.takeLease("later", -365 * 86_400_000, 10_000)).toBe(true);
  });

  it("is dropped by its owner only", async () => {
    const store = await lasting();
    await store.takeLease("one", 0, 10_000);
    await store.dropLease("other");
    expect(await store.takeLease("other", 1, 10_000)).toBe(false);
  });
});

it("uses Web Locks where the browser has them", async () => {
  const asked: string[] = [];
  const locks = {
    request: (name: string, _: unknown, work: (lock: object | null) => Promise<boolean>) => {
      asked.push(name);
      return work(asked.length > 1 ? null : {});
    },
  } as unknown as LockManager;
  const lock = sendLock(new MemoryStore(), locks);
  expect([await lock(() => Promise.resolve()), await lock(() => Promise.reject(new Error("two")))]).toEqual([true, false]);
});
