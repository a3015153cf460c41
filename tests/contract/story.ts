// A report goes from the photo to the passed re-check, by a client whose types come from the OpenAPI document:
// node story.ts ADDRESS PASSWORD BEFORE.jpg AFTER.jpg. Prints the steps of the history, a line each.
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

type Api = Client<paths>;
type Hazard = components["schemas"]["HazardView"];
type Step = paths["/api/v1/hazards/{hazard_id}/steps"]["post"]["requestBody"]["content"]["application/json"];
type Answer<Data> = { data?: Data; error?: components["schemas"]["Problem"]; response: Response };

const [address, password, before, after] = process.argv.slice(2) as [string, string, string, string];

function unwrap<Data>({ data, error, response }: Answer<Data>): Data {
  if (data === undefined) throw new Error(`${response.url}: ${response.status} ${error?.code} ${error?.detail}`);
  return data;
}

async function signIn(username: string): Promise<Api> {
  const api = createClient<paths>({ baseUrl: address });
  const tokens = unwrap(await api.POST("/api/v1/auth/login", { body: { username, password, device: "story" } }));
  api.use({ onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${tokens.access_token}`) });
  return api;
}

async function sendPhoto(api: Api, file: string): Promise<string> {
  const content = readFileSync(file);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const answer = await api.PUT("/api/v1/photos/{sha256}", {
    params: { path: { sha256 } },
    headers: { "Content-Type": "application/octet-stream" },
    body: content as unknown as string, // the type of every `format: binary`
    bodySerializer: (body) => body as unknown as Uint8Array<ArrayBuffer>,
  });
  return unwrap(answer).sha256;
}

async function takeStep(api: Api, hazard: Hazard, step: Step): Promise<Hazard> {
  const path = { hazard_id: hazard.id };
  return unwrap(await api.POST("/api/v1/hazards/{hazard_id}/steps", { params: { path }, body: step }));
}

const inspector = await signIn("inspector");
const officer = await signIn("officer");
const handler = await signIn("handler");

const report: components["schemas"]["Report"] = {
  id: randomUUID(),
  community: "330402009036",
  category: "EB-01",
  description: "楼梯间给电动车充电",
  place: "3幢2单元",
  found_at: new Date().toISOString(),
  photos: [{ sha256: await sendPhoto(inspector, before), stage: "before" }],
};
let { hazard, missing_photos } = unwrap(await inspector.POST("/api/v1/hazards", { body: report }));
if (missing_photos.length > 0) throw new Error(`missing: ${missing_photos}`);

const query = { state: ["reported" as const], community: [report.community] };
const { items } = unwrap(await officer.GET("/api/v1/hazards", { params: { query } }));
if (!items.some((each) => each.id === hazard.id)) throw new Error("the report is not in the officer's list");

const nextStep = () => ({ id: randomUUID(), version: hazard.version });
hazard = await takeStep(officer, hazard, { ...nextStep(), step: "accept", priority: "high" });
hazard = await takeStep(officer, hazard, { ...nextStep(), step: "assign", lead: "handler" });
hazard = await takeStep(handler, hazard, { ...nextStep(), step: "start" });
const photos = [{ sha256: await sendPhoto(handler, after), stage: "after" as const }];
hazard = await takeStep(handler, hazard, {
  ...nextStep(),
  step: "submit_fix",
  method: "搬走电动车",
  quantity_done: 1,
  photos,
});
hazard = await takeStep(officer, hazard, { ...nextStep(), step: "recheck", result: "pass", note: "已恢复" });
if (hazard.state !== "closed" || hazard.outcome !== "fixed") throw new Error(`${hazard.state} ${hazard.outcome}`);

const path = { hazard_id: hazard.id };
const history = unwrap(await inspector.GET("/api/v1/hazards/{hazard_id}/history", { params: { path } }));
for (const entry of history.items) console.log(entry.step);
