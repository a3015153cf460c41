/** Reads a QR code by the camera. Browsers open the camera over https only. */
import QrScanner from "qr-scanner";
import { provideLazy } from "../shared/lazy";

/** Calls `found` with the first code that is seen in `video`. Returns how to stop. Rejects without a right to the camera. */
export type Scan = (video: HTMLVideoElement, found: (text: string) => void) => Promise<() => void>;

const scan: Scan = async (video, found) => {
  const scanner = new QrScanner(
    video,
    (result) => {
      scanner.stop();
      found(result.data);
    },
    { preferredCamera: "environment", returnDetailedScanResult: true },
  );
  await scanner.start();
  return () => {
    scanner.destroy();
  };
};

provideLazy("scan", scan);
