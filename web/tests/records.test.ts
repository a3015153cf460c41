import { describe, expect, it } from "vitest";
import { NoServer, readAnswer } from "../src/api/answers";
import { backoff, declarePhotos, judge, nextItem, nextTask } from "../src/queue/records";
import { answer, item, photo, problem } from "./builders";

describe("the order of sending", () => {
  it("sends a report before its photos", () => {
    const report = item("r", { photos: [photo("a"), photo("b")] });
    expect(nextTask(report)).toEqual({ do: "document" });
    expect(nextTask({ ...report, accepted: true })).toMatchObject({ do: "photo", photo: { key: "a" } });
    const sent = report.photos.map((each) => ({ ...each, sent: true }));
    expect(nextTask({ ...report, accepted: true, photos: sent })).toEqual({ do: "finish" });
  });

  it.each([
    ["a step", item("s", { kind: "step", hazard: "r", photos: [photo("a")] })],
    ["a fix on the spot", item("r", { body: { fixed_on_spot: {} }, photos: [photo("a")] })],
  ])("sends the photos before %s", (_, made) => {
    expect(nextTask(made).do).toBe("photo");
    expect(nextTask({ ...made, photos: [photo("a", { sent: true })] }).do).toBe("document");
  });

  it("lets the person decide about a step whose photo is refused", () => {
    const refused = photo("a", { problem: problem(422, "photo.damaged") });
    expect(nextTask(item("s", { kind: "step", photos: [refused, photo("b")] }))).toMatchObject({ photo: { key: "b" } });
    expect(nextTask(item("s", { kind: "step", photos: [refused] })).do).toBe("finish");
  });

  it("takes the oldest that is due, and steps of one hazard in their order", () => {
    const late = item("late", { createdAt: 1, nextAt: 500 });
    const next = item("next", { createdAt: 2 });
    const after = item("after", { createdAt: 3, kind: "step", hazard: "late" });
    expect(nextItem([after, next, late], 100)?.id).toBe("next");
    expect(nextItem([after, late], 100)).toBeNull();
    expect(nextItem([after, late], 500)?.id).toBe("late");
    expect(nextItem([after, { ...late, state: "sent" }], 100)?.id).toBe("after");
  });

  it("does not wait for a year after the phone's clock was set back", () => {
    const year = 365 * 86_400_000;
    expect(nextItem([item("r", { nextAt: year })], 0)?.id).toBe("r");
  });
});

describe("the verdict on an answer", () => {
  it.each([
    [answer(201), "accepted"],
    [answer(200), "accepted"],
    [answer(204), "accepted"],
    [answer(422, null, "step.needs"), "refused"],
    [answer(400, null, "body.unparsable"), "refused"],
    [answer(403, null, "role.forbidden"), "refused"],
    [answer(404, null, "hazard.not_found"), "refused"],
    [answer(409, null, "id.conflict"), "refused"],
    [answer(413, null, "photo.too_large"), "refused"],
    [answer(415, null, "photo.format"), "refused"],
    [answer(409, null, "hazard.stale"), "stale"],
    [answer(409, null, "hazard.state"), "stale"],
    [answer(409, null, "photo.missing"), "stale"],
    [answer(401, null, "auth.required"), "sign-in"],
    [answer(403, null, "auth.password_old"), "sign-in"],
    [answer(408, null, "body.stalled"), "later"],
    [answer(429, null, "requests.too_many"), "later"],
    [answer(460, null, "upload.checksum"), "later"],
    [answer(500, null, "internal"), "later"],
    [answer(503, null, "store.unavailable"), "later"],
    [answer(507, null, "store.full"), "later"],
    [answer(404, null, "route.not_found"), "later"],
    [answer(421, null, "route.host"), "later"],
    [answer(409, null, "upload.offset"), "later"],
    [answer(422), "later"], // a 4xx whose reason could not be read is not final
    [answer(302), "later"],
  ])("%#: %j", (given, verdict) => {
    expect(judge(given)).toBe(verdict);
  });

  it("waits longer each time, at most a minute, or as the server asks", () => {
    expect([0, 1, 2, 9, 99].map((each) => backoff(each))).toEqual([2000, 4000, 8000, 60000, 60000]);
    expect(backoff(0, 30)).toBe(30_000);
    expect(backoff(0, 99_999)).toBe(600_000);
  });
});

describe("what counts as an answer", () => {
  const ours = (name: string) => ({ "X-Request-ID": "1234567890", "Content-Type": "application/json" })[name] ?? null;

  it("takes no page of a captive portal for an acceptance", () => {
    const portal = (name: string) => (name === "Content-Type" ? "text/html" : null);
    expect(() => readAnswer(200, portal, "<html>Welcome</html>")).toThrow(NoServer);
    expect(() => readAnswer(404, portal, "Not Found")).toThrow(NoServer);
  });

  it("takes a body that was cut off for none", () => {
    expect(() => readAnswer(201, ours, '{"hazard": {"id"')).toThrow(NoServer);
  });

  it("reads a problem", () => {
    const read = readAnswer(422, (name) => (name === "Retry-After" ? "7" : ours(name)), '{"code":"step.needs","title":"…","status":422}');
    expect(read).toMatchObject({ ok: false, problem: { code: "step.needs" }, retryAfter: 7 });
  });
});

it("declares photos with their time and place", () => {
  const point = { lat: 30.7, lon: 120.7, crs: "wgs84" } as const;
  expect(declarePhotos([photo("a", { takenAt: "2026-11-23T01:00:00Z", point }), photo("b", { stage: "after" })])).toEqual([
    { sha256: "a", stage: "before", taken_at: "2026-11-23T01:00:00Z", point },
    { sha256: "b", stage: "after" },
  ]);
});
