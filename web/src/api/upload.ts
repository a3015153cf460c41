/** Sends one photo: whole by PUT, and in pieces by tus once a connection has cut it off. */
import type { QueuedPhoto } from "../queue/records";
import { loadLazy } from "../shared/lazy";
import { type Answer, NoServer, readAnswer } from "./answers";
import { API } from "./http";
import { authorization, renew } from "./session";

const STALLED = 60_000;
const cut = new Set<string>();

export type OnProgress = (part: number) => void;

/** An answer that is `ok` says that the server has these very bytes. Throws NoServer. */
export async function sendPhoto(photo: QueuedPhoto, blob: Blob, told: OnProgress): Promise<Answer> {
  const answer = await sendOnce(photo, blob, told);
  return answer.status === 401 && (await renew()) ? sendOnce(photo, blob, told) : answer;
}

async function sendOnce(photo: QueuedPhoto, blob: Blob, told: OnProgress): Promise<Answer> {
  if (cut.has(photo.key)) return sendInPieces(photo, blob, told);
  try {
    return await put(photo, blob, told);
  } catch (error) {
    if (error instanceof NoServer && navigator.onLine) cut.add(photo.key);
    throw error;
  }
}

/** By XMLHttpRequest, because fetch does not tell how much has been sent. */
function put(photo: QueuedPhoto, blob: Blob, told: OnProgress): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let timer = 0;
    const fail = () => {
      reject(new NoServer("network"));
    };
    const watch = () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => {
        request.abort();
      }, STALLED);
    };
    request.open("PUT", `${API}/photos/${photo.sha256}`);
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      watch();
      told(event.loaded / Math.max(event.total, 1));
    };
    request.onerror = request.onabort = fail;
    request.onloadend = () => {
      clearTimeout(timer);
    };
    request.onload = () => {
      try {
        resolve(checkReceipt(photo, readAnswer(request.status, (name) => request.getResponseHeader(name), request.responseText)));
      } catch (error) {
        reject(error as Error);
      }
    };
    watch();
    request.send(blob);
  });
}

function checkReceipt(photo: QueuedPhoto, answer: Answer): Answer {
  if (answer.ok && (answer.data as { sha256?: string } | null)?.sha256 !== photo.sha256) throw new NoServer("portal");
  return answer;
}

async function sendInPieces(photo: QueuedPhoto, blob: Blob, told: OnProgress): Promise<Answer> {
  const resume = await loadLazy("resume");
  return resume({
    endpoint: `${API}/uploads`,
    sha256: photo.sha256,
    blob,
    headers: authorization(),
    url: photo.upload,
    onUrl: (url) => {
      photo.upload = url;
    },
    onProgress: told,
    readAnswer,
    failure: () => new NoServer("network"),
  });
}
