/** Which arrays are accepted, and the messages for all others. */
import type { Floats } from "./engine.js";

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
export function floats(loss: string, name: string, array: unknown, like?: Floats): Floats {
  const tag = tagOf(array);
  const found = isFloats(array, tag) ? array : convert(loss, name, array, tag, like);
  if (like !== undefined && found.BYTES_PER_ELEMENT !== like.BYTES_PER_ELEMENT) {
    throw new TypeError(`${loss}: ${name} must be a ${tagOf(like)} like prediction, got ${show(array)}`);
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
export function refuseDetached(loss: string, name: string, array: Floats): void {
  try {
    array.fill(0, 0, 0);
  } catch {
    throw new TypeError(`${loss}: ${name} has a detached buffer`);
  }
}

/** The caller's own output buffer, if there is one, or an error. */
export function output(loss: string, name: string, array: unknown, prediction: Floats): Floats | undefined {
  if (array === undefined) return undefined;
  if (!isFloats(array, tagOf(array)) || array.BYTES_PER_ELEMENT !== prediction.BYTES_PER_ELEMENT) {
    throw new TypeError(`${loss}: ${name} must be a ${tagOf(prediction)}, got ${show(array)}`);
  }
  if (array.byteLength === 0) refuseDetached(loss, name, array);
  if (array.length !== prediction.length) {
    throw new RangeError(
      `${loss}: ${name} must have ${elements(prediction.length)} like prediction, got ${array.length}`,
    );
  }
  return array;
}

/** "1 element", "5 elements". */
export function elements(n: number): string {
  return n === 1 ? "1 element" : `${n} elements`;
}
