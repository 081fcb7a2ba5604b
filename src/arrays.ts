/** Which arrays are accepted, and the messages for all others. */
import type { Floats, Labels } from "./engine.js";

const tagGetter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get;

/** "Float32Array" and so on, of any realm, which no object can pretend to be; undefined for what is not a typed array. */
function tagOf(array: unknown): unknown {
  return tagGetter?.call(array);
}

/** How an error message shows what came. */
export function show(thing: unknown): string {
  if (typeof thing === "string") return JSON.stringify(thing);
  if (typeof thing === "bigint") return `${thing}n`;
  if (typeof thing === "symbol") return "a symbol";
  if (typeof thing === "function") return "a function";
  if (typeof thing !== "object" || thing === null) return String(thing);
  const tag = tagOf(thing);
  if (typeof tag === "string") return tag;
  return Array.isArray(thing) ? "an array" : "an object";
}

/** The array, as Float32Array or Float64Array, or an error that names it. A type given by another array must be met. */
export function floats(loss: string, name: string, array: unknown, like?: Floats, other = "prediction"): Floats {
  const tag = tagOf(array);
  const found = isFloats(array, tag) ? array : convert(loss, name, array, tag, like);
  if (like !== undefined && found.BYTES_PER_ELEMENT !== like.BYTES_PER_ELEMENT) {
    throw new TypeError(`${loss}: ${name} must be a ${tagOf(like)} like ${other}, got ${show(array)}`);
  }
  if (found.byteLength === 0) refuseDetached(loss, name, found);
  return found;
}

function isFloats(_array: unknown, tag: unknown): _array is Floats {
  return tag === "Float32Array" || tag === "Float64Array";
}

function convert(loss: string, name: string, array: unknown, tag: unknown, like: Floats | undefined): Floats {
  if (isFloat16(array, tag)) return new Float32Array(array);
  if (!Array.isArray(array)) {
    throw new TypeError(
      `${loss}: ${name} must be a Float32Array, a Float64Array or an array of numbers, got ${show(array)}`,
    );
  }
  for (let k = 0; k < array.length; k++) {
    if (typeof array[k] !== "number")
      throw new TypeError(`${loss}: ${name} must hold numbers, got ${show(array[k])} at ${k}`);
  }
  // Plain weights are an option's worth of numbers, not a choice of precision.
  return name === "weights" && like !== undefined && tagOf(like) === "Float32Array"
    ? new Float32Array(array)
    : new Float64Array(array);
}

function isFloat16(_array: unknown, tag: unknown): _array is ArrayLike<number> {
  return tag === "Float16Array";
}

/**
 * A detached or out-of-bounds array has no bytes, but unlike an empty one it refuses to be filled. (Not `length`: V8 11, which is Node 20's,
 * returns the old one in hot code that has met resizable buffers.)
 */
export function refuseDetached(
  loss: string,
  name: string,
  array: Floats | Labels | BigInt64Array | BigUint64Array,
): void {
  try {
    if (isBigIntegers(array, tagOf(array))) array.fill(0n, 0, 0);
    else array.fill(0, 0, 0);
  } catch {
    throw new TypeError(`${loss}: ${name} has a detached buffer`);
  }
}

/** Whether an array may be one of floats that go with another. */
export function isLike(array: unknown, like: Floats): boolean {
  const tag = tagOf(array);
  if (tag === "Float32Array" || tag === "Float16Array") return like.BYTES_PER_ELEMENT === 4;
  return (tag === "Float64Array" || Array.isArray(array)) && like.BYTES_PER_ELEMENT === 8;
}

/** Class indices, one a row, if that is what the array holds: integers of any kind. */
export function labels(loss: string, array: unknown): Labels | undefined {
  const tag = tagOf(array);
  if (isBigIntegers(array, tag)) {
    if (array.byteLength === 0) refuseDetached(loss, "labels", array);
    return Float64Array.from(array, Number);
  }
  if (!isIntegers(array, tag)) return undefined;
  if (array.byteLength === 0) refuseDetached(loss, "labels", array);
  return array;
}

const integers = [
  "Int32Array",
  "Uint8Array",
  "Uint32Array",
  "Int16Array",
  "Uint16Array",
  "Int8Array",
  "Uint8ClampedArray",
];

function isIntegers(_array: unknown, tag: unknown): _array is Labels {
  return typeof tag === "string" && integers.includes(tag);
}

function isBigIntegers(_array: unknown, tag: unknown): _array is BigInt64Array | BigUint64Array {
  return tag === "BigInt64Array" || tag === "BigUint64Array";
}

/** The caller's own output buffer, if there is one, or an error; `why` it has `length` elements. */
export function output(
  loss: string,
  name: string,
  array: unknown,
  like: Floats,
  length = like.length,
  why = "like prediction",
): Floats | undefined {
  if (array === undefined) return undefined;
  if (!isFloats(array, tagOf(array)) || array.BYTES_PER_ELEMENT !== like.BYTES_PER_ELEMENT) {
    throw new TypeError(`${loss}: ${name} must be a ${tagOf(like)}, got ${show(array)}`);
  }
  matchLength(loss, name, array, length, why);
  return array;
}

/** Refuses an array of another length, and one whose buffer is gone. */
export function matchLength(
  loss: string,
  name: string,
  array: Floats | Labels,
  length: number,
  why = "like prediction",
): void {
  if (array.byteLength === 0) refuseDetached(loss, name, array);
  if (array.length === length) return;
  throw new RangeError(`${loss}: ${name} must have ${elements(length)} ${why}, got ${array.length}`);
}

/** Refuses an output that lies over another array; `memory` is the output's buffer. */
export function refuse(
  loss: string,
  name: string,
  array: Floats,
  memory: ArrayBufferLike,
  other: string,
  taken: ArrayBufferView | undefined,
): void {
  if (taken === undefined || taken.buffer !== memory) return;
  const start = array.byteOffset;
  const end = start + array.byteLength;
  if (taken.byteOffset >= end || start >= taken.byteOffset + taken.byteLength) return;
  throw new RangeError(`${loss}: ${name} must not overlap ${other}`);
}

/** `n` numbers of the array from `from` on. Not `subarray`, which asks a subclass for its constructor. */
export function part({ buffer, byteOffset, BYTES_PER_ELEMENT }: Floats, from: number, n: number): Floats {
  return floatsIn(buffer, byteOffset + from * BYTES_PER_ELEMENT, n, BYTES_PER_ELEMENT);
}

/** Where `n` numbers of so many bytes each begin in a buffer. */
export function floatsIn(buffer: ArrayBufferLike, byteOffset: number, n: number, bytes: number): Floats {
  return bytes === 4 ? new Float32Array(buffer, byteOffset, n) : new Float64Array(buffer, byteOffset, n);
}

/** A new array of the same type. */
export function like(array: Floats, length = array.length): Floats {
  return array.BYTES_PER_ELEMENT === 4 ? new Float32Array(length) : new Float64Array(length);
}

/** "1 element", "5 elements". */
export function elements(n: number): string {
  return n === 1 ? "1 element" : `${n} elements`;
}
