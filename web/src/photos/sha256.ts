/** SHA-256 (FIPS 180-4) without `crypto.subtle`, which browsers offer over https only. */

const ROUND = primes(64).map((prime) => fraction(Math.cbrt(prime)));
const START = primes(8).map((prime) => fraction(Math.sqrt(prime)));
const BLOCK = 64;

function primes(count: number): number[] {
  const found: number[] = [];
  for (let each = 2; found.length < count; each++) if (found.every((prime) => each % prime)) found.push(each);
  return found;
}

/** The first 32 bits of the fractional part. */
function fraction(root: number): number {
  return ((root - Math.floor(root)) * 0x100000000) | 0;
}

export async function digestHex(bytes: Uint8Array): Promise<string> {
  // Plain http has no `crypto.subtle`, although the types say so.
  const subtle = (self.crypto as Partial<Crypto> | undefined)?.subtle;
  return hex(subtle ? new Uint8Array(await subtle.digest("SHA-256", bytes as BufferSource)) : sha256(bytes));
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte < 16 ? "0" : "") + byte.toString(16)).join("");
}

export function sha256(bytes: Uint8Array): Uint8Array {
  const state = Int32Array.from(START);
  const words = new Int32Array(64);
  const whole = bytes.length - (bytes.length % BLOCK);
  for (let at = 0; at < whole; at += BLOCK) compress(state, words, bytes, at);
  const end = padding(bytes.subarray(whole), bytes.length);
  for (let at = 0; at < end.length; at += BLOCK) compress(state, words, end, at);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, index) => {
    digest.setInt32(index * 4, word);
  });
  return new Uint8Array(digest.buffer);
}

/** The last, unfinished block with its padding: a one, zeros, and the length in bits. */
function padding(rest: Uint8Array, length: number): Uint8Array {
  const end = new Uint8Array(rest.length < 56 ? BLOCK : 2 * BLOCK);
  end.set(rest);
  end[rest.length] = 0x80;
  const view = new DataView(end.buffer);
  view.setUint32(end.length - 8, Math.floor(length / 0x20000000));
  view.setUint32(end.length - 4, (length << 3) >>> 0);
  return end;
}

function compress(state: Int32Array, words: Int32Array, bytes: Uint8Array, at: number): void {
  expand(words, bytes, at);
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let round = 0; round < 64; round++) {
    const first =
      (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + at0(ROUND, round) + at0(words, round)) | 0;
    const second = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, index) => {
    state[index] = (at0(state, index) + value) | 0;
  });
}

function expand(words: Int32Array, bytes: Uint8Array, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, BLOCK);
  for (let index = 0; index < 16; index++) words[index] = view.getInt32(index * 4);
  for (let index = 16; index < 64; index++) {
    const two = at0(words, index - 2);
    const fifteen = at0(words, index - 15);
    const low = turn(fifteen, 7) ^ turn(fifteen, 18) ^ (fifteen >>> 3);
    const high = turn(two, 17) ^ turn(two, 19) ^ (two >>> 10);
    words[index] = (at0(words, index - 16) + low + at0(words, index - 7) + high) | 0;
  }
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

/** The index is always within, which the compiler cannot know. */
function at0(list: ArrayLike<number>, index: number): number {
  return list[index] as number;
}
