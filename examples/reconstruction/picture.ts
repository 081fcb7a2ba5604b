/** A grid of digits as a PNG. */
import { writeFileSync } from "node:fs";
import { PNG } from "pngjs";
import { pixels, side } from "../mnist.js";

const scale = 3;
const gap = 4;
const pitch = side * scale + gap;

/** Writes each row's first digits side by side, white on black, with grey between them. */
export function writePicture(path: string, rows: readonly Float32Array[], columns: number): void {
  const picture = new PNG({ width: columns * pitch + gap, height: rows.length * pitch + gap });
  picture.data = Buffer.alloc(picture.width * picture.height, 96);
  for (const [row, digits] of rows.entries()) {
    for (let column = 0; column < columns; column++) {
      draw(picture, digits.subarray(column * pixels, (column + 1) * pixels), gap + column * pitch, gap + row * pitch);
    }
  }
  writeFileSync(path, PNG.sync.write(picture, { inputColorType: 0, inputHasAlpha: false, colorType: 0 }));
}

function draw(picture: PNG, digit: Float32Array, left: number, top: number): void {
  for (let y = 0; y < side * scale; y++) {
    for (let x = 0; x < side * scale; x++) {
      const value = digit[Math.floor(y / scale) * side + Math.floor(x / scale)] ?? 0;
      picture.data[(top + y) * picture.width + left + x] = Math.round(255 * value);
    }
  }
}
