/** Makes a picture of the camera or the album ready for the queue: evidence, scale, digest. */
import type { Stage } from "../api/types";
import type { QueuedPhoto } from "../queue/records";
import { newId } from "../shared/ids";
import { readEvidence } from "./exif";
import { scalePicture } from "./scale";
import { digestHex } from "./sha256";

export interface PreparedPhoto {
  photo: QueuedPhoto;
  blob: Blob;
}

export async function preparePhoto(file: Blob, stage: Stage): Promise<PreparedPhoto> {
  const evidence = readEvidence(await readBytes(file));
  const { blob, thumb } = await scalePicture(file, evidence.orientation);
  const sha256 = await digestHex(await readBytes(blob));
  const photo: QueuedPhoto = { key: newId(), sha256, stage, bytes: blob.size, thumb, sent: false };
  if (evidence.takenAt) photo.takenAt = evidence.takenAt;
  if (evidence.point) photo.point = evidence.point;
  return { photo, blob };
}

/** By FileReader, which also old browsers have; rejects if the file has gone, as when an album takes it back. */
function readBytes(file: Blob): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => {
      resolve(new Uint8Array(reader.result as ArrayBuffer));
    };
    reader.onerror = () => {
      reject(reader.error ?? new Error("the file cannot be read"));
    };
    reader.readAsArrayBuffer(file);
  });
}
