/** Pairs from two files of floats as they lie in memory, whose length does not matter. */
import { type FileHandle, open } from "node:fs/promises";
import { Mistake } from "./mistake.js";
import { type Piece, pairs } from "./score.js";

/** `report` is told how many bytes were read. */
export async function* floatPieces(
  files: readonly [prediction: string, target: string],
  Type: Float32ArrayConstructor | Float64ArrayConstructor,
  report: (bytes: number) => void,
): AsyncGenerator<Piece> {
  const [one, other] = files;
  const predictions = await open(one);
  try {
    const targets = await open(other);
    try {
      yield* read(predictions, targets);
    } finally {
      await targets.close();
    }
  } finally {
    await predictions.close();
  }

  async function* read(predictions: FileHandle, targets: FileHandle): AsyncGenerator<Piece> {
    const prediction = new Type(pairs);
    const target = new Type(pairs);
    for (let before = 0; ; before += pairs) {
      const bytes = await fill(predictions, prediction);
      const others = await fill(targets, target);
      report(bytes + others);
      if (bytes !== others) {
        const [short, long] = bytes < others ? [one, other] : [other, one];
        throw new Mistake(`${short} ends before ${long} does; they must hold as many numbers`);
      }
      const n = bytes / Type.BYTES_PER_ELEMENT;
      if (!Number.isInteger(n)) {
        throw new Mistake(`${one} ends within a number of ${Type.BYTES_PER_ELEMENT} bytes; --type says what they are`);
      }
      if (n === 0) return;
      yield {
        prediction: prediction.subarray(0, n),
        target: target.subarray(0, n),
        where: (index) => `pair ${before + index + 1}`,
      };
    }
  }
}

/** The bytes that there were: less than the array's only at the file's end. */
async function fill(file: FileHandle, { buffer }: Float32Array | Float64Array): Promise<number> {
  const bytes = new Uint8Array(buffer);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length);
    length += bytesRead;
    if (bytesRead === 0 || length === bytes.length) return length;
  }
}
