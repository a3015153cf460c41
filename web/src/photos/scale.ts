/** Scales pictures on the phone. What this browser cannot decode, such as HEIC in most, is sent as it is. */

export const LONGEST = 2560;
const SMALL_BYTES = 1_500_000;
/** A picture that is small already keeps its own bytes, and with them its EXIF. */
const QUALITY = 0.85;
const THUMB = 160;

export interface Scaled {
  blob: Blob;
  /** A small JPEG as a data URL; empty if the picture cannot be shown here. */
  thumb: string;
  scaled: boolean;
}

interface Picture {
  source: CanvasImageSource;
  width: number;
  height: number;
  close: () => void;
}

export async function scalePicture(file: Blob, orientation: number): Promise<Scaled> {
  const picture = await decode(file);
  if (!picture) return { blob: file, thumb: "", scaled: false };
  try {
    // Engines before Chrome 81 and Safari 13.1 draw the pixels as they are stored.
    const turned = CSS.supports("image-orientation", "from-image") ? 1 : orientation;
    const thumb = draw(picture, THUMB, turned).toDataURL("image/jpeg", 0.6);
    const small = Math.max(picture.width, picture.height) <= LONGEST && file.size <= SMALL_BYTES;
    if (small && isSendable(file)) return { blob: file, thumb, scaled: false };
    const blob = await toJpeg(draw(picture, LONGEST, turned));
    const better = blob && (blob.size < file.size || !isSendable(file));
    return better ? { blob, thumb, scaled: true } : { blob: file, thumb, scaled: false };
  } finally {
    picture.close();
  }
}

function isSendable(file: Blob): boolean {
  return /^image\/(jpeg|png|webp)$/.test(file.type);
}

/** Null if this browser cannot: another format, a broken file, or too many pixels for its memory. */
async function decode(file: Blob): Promise<Picture | null> {
  const url = URL.createObjectURL(file);
  const image = new Image();
  const close = () => {
    image.src = "";
    URL.revokeObjectURL(url);
  };
  const loaded = await new Promise<boolean>((resolve) => {
    image.onload = () => {
      resolve(true);
    };
    image.onerror = () => {
      resolve(false);
    };
    image.src = url;
  });
  if (!loaded || !image.naturalWidth) {
    close();
    return null;
  }
  return { source: image, width: image.naturalWidth, height: image.naturalHeight, close };
}

function draw(picture: Picture, longest: number, orientation: number): HTMLCanvasElement {
  const ratio = Math.min(1, longest / Math.max(picture.width, picture.height));
  const width = Math.max(1, Math.round(picture.width * ratio));
  const height = Math.max(1, Math.round(picture.height * ratio));
  const canvas = document.createElement("canvas");
  const lying = orientation >= 5;
  canvas.width = lying ? height : width;
  canvas.height = lying ? width : height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas");
  context.transform(...turn(orientation, width, height));
  context.drawImage(picture.source, 0, 0, width, height);
  return canvas;
}

type Matrix = [number, number, number, number, number, number];

/** The matrix that shows stored pixels upright, for each orientation of EXIF. */
function turn(orientation: number, width: number, height: number): Matrix {
  const matrices: Record<number, Matrix> = {
    2: [-1, 0, 0, 1, width, 0],
    3: [-1, 0, 0, -1, width, height],
    4: [1, 0, 0, -1, 0, height],
    5: [0, 1, 1, 0, 0, 0],
    6: [0, 1, -1, 0, height, 0],
    7: [0, -1, -1, 0, height, width],
    8: [0, -1, 1, 0, 0, width],
  };
  return matrices[orientation] ?? [1, 0, 0, 1, 0, 0];
}

/** Null if the canvas was too large for this phone. */
function toJpeg(canvas: HTMLCanvasElement): Promise<Blob | null> {
  return new Promise((resolve) => {
    canvas.toBlob(resolve, "image/jpeg", QUALITY);
  });
}
