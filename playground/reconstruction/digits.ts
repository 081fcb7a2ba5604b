/** Handwritten digits, a byte a pixel, one after another. */
import { gaussian, seeded } from "../../examples/random.js";

export const side = 28;
export const pixels = side * side;

/** Pixels in [0, 1]. */
export async function fetchDigits(address: string | URL): Promise<Float32Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length === 0 || bytes.length % pixels !== 0)
    throw new Error(`${bytes.length} bytes are no digits of ${pixels}`);
  return Float32Array.from(bytes, (byte) => byte / 255);
}

/** Under Gaussian noise of a standard deviation, clipped to [0, 1]. */
export function withNoise(clean: Float32Array, deviation: number, random: () => number): Float32Array {
  return clean.map((pixel) => Math.min(1, Math.max(0, pixel + deviation * gaussian(random))));
}

/** Always the same noise, so that runs can be compared. */
export const noisyOf = (clean: Float32Array, deviation: number): Float32Array => withNoise(clean, deviation, seeded(0));
