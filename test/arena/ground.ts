/** Arrays in an arena of which every byte is watched. */
import { expect } from "vitest";
import { Arena } from "../../src/index.js";
import type { Floats } from "../implementations.js";

/** Of NaNs in either type, and of class indices that are none. */
const GUARD = 0xff;
/** Elements on either side of an array. */
const MARGIN = 16;
/** Bytes behind the last array. */
const BEHIND = 4096;

export class Ground {
  readonly arena: Arena;
  /** The kernels' memory. */
  readonly buffer: ArrayBuffer;
  /** Where its arrays begin. */
  readonly start: number;
  private copy = Buffer.alloc(0);

  constructor(bytes: number) {
    this.arena = new Arena({ bytes });
    const first = this.arena.float32(0);
    this.buffer = first.buffer;
    this.start = first.byteOffset;
  }

  /** A copy between guards, `offset` elements further than the arena would lay it. */
  put(content: Floats, offset = 0): Floats {
    const room = content.length + 2 * MARGIN;
    const around = content.BYTES_PER_ELEMENT === 4 ? this.arena.float32(room) : this.arena.float64(room);
    const from = guard(around, offset);
    const array = around.subarray(from, from + content.length);
    array.set(content);
    return array;
  }

  /** The same of class indices. */
  putLabels(labels: Int32Array, offset = 0): Int32Array {
    const around = this.arena.int32(labels.length + 2 * MARGIN);
    const from = guard(around, offset);
    const array = around.subarray(from, from + labels.length);
    array.set(labels);
    return array;
  }

  /** Fails unless `run` leaves all the arena's arrays as they are, but the `outs`, and `behind` bytes that come after them. */
  watch<T>(outs: readonly Floats[], run: () => T, what: string, behind = BEHIND, start = this.start): T {
    const end = Math.min(this.buffer.byteLength, this.start + this.arena.used + behind);
    const memory = Buffer.from(this.buffer, start, end - start);
    if (this.copy.length < memory.length) this.copy = Buffer.alloc(memory.length);
    const copy = this.copy.subarray(0, memory.length);
    memory.copy(copy);
    try {
      return run();
    } finally {
      for (const { buffer, byteOffset, byteLength } of outs) {
        const at = byteOffset - start;
        if (buffer === this.buffer) memory.copy(copy, at, at, at + byteLength);
      }
      if (!memory.equals(copy)) {
        const at = memory.findIndex((byte, k) => byte !== copy[k]);
        expect.fail(`${what}: byte ${at + start - this.start} of the arena's arrays has changed`);
      }
    }
  }
}

/** Fills it, and returns where the array between begins. */
function guard({ buffer, byteOffset, byteLength }: Floats | Int32Array, offset: number): number {
  new Uint8Array(buffer, byteOffset, byteLength).fill(GUARD);
  return MARGIN + (offset % MARGIN);
}
