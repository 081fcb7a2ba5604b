/** Arrays in every kind of memory. */
import { expect } from "vitest";
import type { Floats, FloatsConstructor } from "./implementations.js";

const GUARD = 0xa5;
/** Bytes on either side. */
const MARGIN = 64;

/** An array between guard bytes, at a given distance from their start, with a copy of what it may hold. */
export interface Guarded {
  readonly array: Floats;
  /** Fails if a byte outside the array has changed. */
  expectGuards(what: string): void;
}

export function guarded(Type: FloatsConstructor, content: Floats, offset: number): Guarded {
  const start = MARGIN + offset * Type.BYTES_PER_ELEMENT;
  const end = start + content.byteLength;
  const bytes = new Uint8Array(end + MARGIN).fill(GUARD);
  const array = new Type(bytes.buffer, start, content.length);
  array.set(content);
  return {
    array,
    expectGuards(what) {
      for (let k = 0; k < bytes.length; k++) {
        if ((k < start || k >= end) && bytes[k] !== GUARD) expect.fail(`${what}: byte ${k - start} has changed`);
      }
    },
  };
}

/** A copy in a SharedArrayBuffer. */
export function shared(Type: FloatsConstructor, content: Floats): Floats {
  const memory = new SharedArrayBuffer(content.byteLength);
  const array = Type === Float32Array ? new Float32Array(memory) : new Float64Array(memory);
  array.set(content);
  return array;
}

/** A copy in a buffer that can be resized, of which it follows the length. */
export function resizable(Type: FloatsConstructor, content: Floats): Floats {
  // The options of ArrayBuffer are of ES2024, after the library that the package compiles against.
  const options = { maxByteLength: 2 * content.byteLength + 64 };
  const buffer: ArrayBuffer = Reflect.construct(ArrayBuffer, [content.byteLength, options]);
  const array = new Type(buffer);
  array.set(content);
  return array;
}

/** Changes the size of such a buffer, in elements. */
export function resize(array: Floats, length: number): void {
  Reflect.apply(Reflect.get(array.buffer, "resize"), array.buffer, [length * array.BYTES_PER_ELEMENT]);
}

/** Leaves the array without a buffer. */
export function detach(array: Floats): void {
  structuredClone(array.buffer, { transfer: [array.buffer] });
}
