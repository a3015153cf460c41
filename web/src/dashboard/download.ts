/** Saves a file of the server, which takes a bearer and so is no plain link. Throws NoServer. */
import { NoServer } from "../api/answers";
import { API, fetchWithin } from "../api/http";
import { authorization, renew } from "../api/session";
import { fileName } from "./sheets";

export async function download(path: string): Promise<void> {
  let response = await ask(path);
  if (response.status === 401 && (await renew())) response = await ask(path);
  if (!response.ok) throw new NoServer("network");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = fileName(response.headers.get("Content-Disposition") ?? "");
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000);
}

function ask(path: string): Promise<Response> {
  return fetchWithin(`${API}${path}`, { headers: authorization(), credentials: "same-origin", redirect: "error" });
}
