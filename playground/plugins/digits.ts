/** Real digits as files that a page can fetch: a byte a pixel, one digit after another. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digits } from "../../examples/mnist.js";

/** To learn from, and to be judged by. */
const files = { "digits-train.bin": ["train", 1024], "digits-test.bin": ["t10k", 64] } as const;

export function writeDigits(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [file, [split, count]] of Object.entries(files)) {
    writeFileSync(
      join(folder, file),
      Uint8Array.from(digits(split, count), (pixel) => Math.round(255 * pixel)),
    );
  }
}
