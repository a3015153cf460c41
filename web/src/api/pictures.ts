/** Photos of the server as addresses for `<img>`, which sends no bearer. The newest stay in memory. */
import { API, fetchWithin } from "./http";
import { authorization, renew } from "./session";

const KEPT = 40;
const known = new Map<string, Promise<string>>();

/** `caption`: the hazard whose number, time, place and reporter are drawn on the picture. */
export function pictureUrl(sha256: string, size: 320 | 1280, caption = ""): Promise<string> {
  const path = `/photos/${sha256}?size=${size}${caption && `&watermark=${caption}`}`;
  const found = known.get(path);
  if (found) {
    known.delete(path);
    known.set(path, found);
    return found;
  }
  const loading = load(path);
  known.set(path, loading);
  loading.catch(() => known.delete(path));
  for (const [oldest, url] of known) {
    if (known.size <= KEPT) break;
    known.delete(oldest);
    void url.then(URL.revokeObjectURL, () => undefined);
  }
  return loading;
}

/** Nobody who signs in next at this browser finds them. */
export function forgetPictures(): void {
  for (const url of known.values()) void url.then(URL.revokeObjectURL, () => undefined);
  known.clear();
}

async function load(path: string): Promise<string> {
  let response = await fetchPicture(path);
  if (response.status === 401 && (await renew())) response = await fetchPicture(path);
  if (!response.ok || !/^image\//.test(response.headers.get("Content-Type") ?? "")) throw new Error("no picture");
  return URL.createObjectURL(await response.blob());
}

function fetchPicture(path: string): Promise<Response> {
  return fetchWithin(`${API}${path}`, { headers: authorization(), credentials: "same-origin", redirect: "error" });
}
