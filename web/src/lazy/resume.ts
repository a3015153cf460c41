/** Uploads in pieces (tus 1.0): what has arrived before the connection broke is not sent again. */
import { DetailedError, Upload } from "tus-js-client";
import type { Answer } from "../api/answers";
import { provideLazy } from "../shared/lazy";

interface ResumableUpload {
  endpoint: string;
  sha256: string;
  blob: Blob;
  headers: Record<string, string>;
  /** The address of an upload that was begun before. */
  url?: string;
  onUrl: (url: string) => void;
  onProgress: (part: number) => void;
  readAnswer: (status: number, header: (name: string) => string | null, text: string) => Answer;
  failure: () => Error;
}
export type Resume = (upload: ResumableUpload) => Promise<Answer>;

const PIECE = 256 * 1024;

function resume(work: ResumableUpload): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let received: string | undefined;
    const upload = new Upload(work.blob, {
      endpoint: work.endpoint,
      uploadUrl: work.url || null,
      headers: work.headers,
      metadata: { sha256: work.sha256 },
      chunkSize: PIECE,
      retryDelays: null, // the queue decides when to try again
      storeFingerprintForResuming: false,
      onUploadUrlAvailable: () => {
        if (upload.url) work.onUrl(upload.url);
      },
      onProgress: (sent, total) => {
        work.onProgress(sent / Math.max(total, 1));
      },
      onAfterResponse: (_, response) => {
        received = response.getHeader("Anxun-Photo") ?? received;
      },
      onSuccess: () => {
        if (received === work.sha256) resolve({ status: 204, ok: true, data: null, problem: null, retryAfter: null });
        else {
          work.onUrl(""); // nobody said which photo it became: begin anew
          reject(work.failure());
        }
      },
      onError: (error) => {
        const response = error instanceof DetailedError ? error.originalResponse : null;
        if (!response) {
          reject(work.failure());
          return;
        }
        try {
          const header = (name: string) => response.getHeader(name) ?? null;
          resolve(work.readAnswer(response.getStatus(), header, response.getBody()));
        } catch (unreadable) {
          reject(unreadable as Error);
        }
      },
    });
    upload.start();
  });
}

provideLazy("resume", resume);
