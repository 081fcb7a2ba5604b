/** Instances of the kernels, their requests, and places for arrays in their memory. */
import { instantiateSync } from "@assemblyscript/loader";
import { compile } from "#wasm";
import type { Floats } from "./engine.js";

export type FloatsConstructor = Float32ArrayConstructor | Float64ArrayConstructor;

/** The fields of assembly/batch.ts' Request, as places in its integers and in the numbers after them. */
export const WANT = 0;
export const N = 1;
export const NARROW = 2;
/** Prediction, target, weights, value, grad, hess. */
export const POINTERS = 3;
export const LENGTH = 9;
export const LABELS = 10;
export const CLASS_WEIGHTS = 11;
export const GRAD_OTHER = 12;
export const HESS_OTHER = 13;
export const PANELS = 14;
/** 1 in the first of a call's rounds. */
export const FIRST = 15;
const INTEGERS = 16;
export const A = 0;
export const B = 1;
export const C = 2;
export const SCALE = 3;
export const UNIT = 4;
const SUM = 5;
const REST = 6;
const NUMBERS = 7;

/** Of WebAssembly's memory; the first is the kernels' own. */
export const PAGE = 65536;

interface Exports extends Record<string, unknown> {
  readonly memory: WebAssembly.Memory;
  readonly REQUEST: WebAssembly.Global;
  /** Of the f64 build. */
  readonly STRIP: WebAssembly.Global;
  outside(array: number, n: number, low: number, high: number): number;
  unlabelled(array: number, n: number): number;
  notClass(labels: number, n: number, classes: number): number;
  weigh(array: number, n: number): number;
  weighRows(): void;
}

const modules: Partial<Record<"f32" | "f64", WebAssembly.Module>> = {};

/** Compiled once, when it is first needed. */
function moduleOf(build: "f32" | "f64"): WebAssembly.Module {
  modules[build] ??= compile(build);
  return modules[build];
}

/** One instance for arrays of one type, its request, and what its rounds have added up. */
export class Instance {
  readonly exports: Exports;
  integers: Int32Array;
  numbers: Float64Array;
  /** The loss of the last call and its kernel: exports are slow to look up. */
  private name = "";
  private kernel: () => void = () => {};
  private sum = 0;
  private rest = 0;

  /** `narrow`: f32 arrays in an f64 build. */
  constructor(
    build: "f32" | "f64",
    readonly narrow: boolean,
  ) {
    this.exports = instantiateSync<Exports>(moduleOf(build), {}).exports;
    this.integers = new Int32Array(0);
    this.numbers = new Float64Array(0);
    this.renew();
  }

  get memory(): WebAssembly.Memory {
    return this.exports.memory;
  }

  /** Makes the request's views, again where the memory has grown. */
  renew(): void {
    const { memory, REQUEST } = this.exports;
    this.integers = new Int32Array(memory.buffer, REQUEST.value, INTEGERS);
    this.numbers = new Float64Array(memory.buffer, REQUEST.value + 4 * INTEGERS, NUMBERS);
    this.integers[NARROW] = this.narrow ? 1 : 0;
  }

  has(name: string): boolean {
    return name in this.exports;
  }

  kernelOf(name: string): () => void {
    if (name !== this.name) {
      const kernel = this.exports[name];
      if (!isKernel(kernel)) throw new Error(`${name}: no such kernel`);
      this.name = name;
      this.kernel = kernel;
    }
    return this.kernel;
  }

  begin(): void {
    this.sum = 0;
    this.rest = 0;
  }

  /** Adds a round's sum, in the order of the rounds. Knuth (1969), two-sum. */
  add(): void {
    const sum = this.numbers[SUM] ?? 0;
    const round = Number.isFinite(sum) ? sum + (this.numbers[REST] ?? 0) : sum;
    const next = this.sum + round;
    const added = next - this.sum;
    if (Number.isFinite(next)) this.rest += this.sum - (next - added) + (round - added);
    else this.rest = 0;
    this.sum = next;
  }

  total(): number {
    return this.sum + this.rest;
  }
}

function isKernel(thing: unknown): thing is () => void {
  return typeof thing === "function";
}

/** A place in the memory for one array, with the views of it that are in use. */
export class Slot {
  readonly whole: Floats;
  /** Of the lengths last asked for: long arrays have full rounds and a last one. */
  private part: Floats;
  private other: Floats;

  constructor(
    private readonly memory: WebAssembly.Memory,
    readonly address: number,
    private readonly type: FloatsConstructor,
    readonly size: number,
  ) {
    this.whole = new type(memory.buffer, address, size);
    this.part = this.whole;
    this.other = this.whole;
  }

  /** The first `n` elements; the view is kept for the next call of that length. */
  view(n: number): Floats {
    if (n === this.size) return this.whole;
    if (this.part.length === n) return this.part;
    const found = this.other.length === n ? this.other : new this.type(this.memory.buffer, this.address, n);
    this.other = this.part;
    this.part = found;
    return found;
  }

  put(array: Floats, from: number, n: number): void {
    this.whole.set(n === array.length ? array : part(array, from, n));
  }
}

/** Not `subarray`, which asks a subclass for its constructor. */
function part({ buffer, byteOffset, BYTES_PER_ELEMENT }: Floats, from: number, n: number): Floats {
  const start = byteOffset + from * BYTES_PER_ELEMENT;
  return BYTES_PER_ELEMENT === 4 ? new Float32Array(buffer, start, n) : new Float64Array(buffer, start, n);
}

/** Adds up weights, and marks the first that is negative or not finite as the call's fault; they may be in their slot already. */
export function weigh(
  instance: Instance,
  call: { fault: string | undefined; at: number },
  weights: Floats,
  slot: Slot,
  staged: boolean,
): number {
  instance.begin();
  for (let from = 0; from < weights.length; from += slot.size) {
    const n = Math.min(slot.size, weights.length - from);
    if (!staged) slot.put(weights, from, n);
    const at = instance.exports.weigh(slot.address, n);
    if (at >= 0) {
      call.fault = "weights";
      call.at = from + at;
      return 0;
    }
    instance.add();
  }
  return instance.total();
}

/** One user of instances for each type; f32 arrays go to an f64 build where the loss is in no other. */
export class PerType<T extends { readonly instance: Instance }> {
  private single: T | undefined;
  private wide: T | undefined;
  private double: T | undefined;
  /** The last one asked for, and by what. */
  private last: T | undefined;
  private name = "";
  private bytes = 0;

  constructor(private readonly make: (instance: Instance, type: FloatsConstructor) => T) {}

  for(prediction: Floats, name: string): T {
    const bytes = prediction.BYTES_PER_ELEMENT;
    if (this.last !== undefined && name === this.name && bytes === this.bytes) return this.last;
    this.last = bytes === 8 ? this.forDouble() : this.forSingle(name);
    this.name = name;
    this.bytes = bytes;
    return this.last;
  }

  private forDouble(): T {
    this.double ??= this.make(new Instance("f64", false), Float64Array);
    return this.double;
  }

  private forSingle(name: string): T {
    this.single ??= this.make(new Instance("f32", false), Float32Array);
    if (this.single.instance.has(name)) return this.single;
    this.wide ??= this.make(new Instance("f64", true), Float32Array);
    return this.wide;
  }
}
