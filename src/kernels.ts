/** The wasm instances, one per element type: staging, rounds, requests. */
import { instantiateSync } from "@assemblyscript/loader";
import { compile } from "#wasm";
import { EACH, GRAD, HESS, WEIGHTED } from "../assembly/want.js";
import type { Call, Engine, Floats } from "./engine.js";
import type { Spec } from "./spec.js";

/**
 * Elements that pass through the staging memory at a time, a multiple of the summation block; sums are cut here whatever the array.
 * Few enough for the fastest cache: mse with 64 Ki elements 1.15 times as fast as with 16384 a round.
 */
export const ROUND = 2048;

/** The fields of assembly/batch.ts' Request, as places in its integers and in the numbers after them. */
const WANT = 0;
const N = 1;
const NARROW = 2;
const POINTERS = 3;
const INTEGERS = 10;
const A = 0;
const B = 1;
const C = 2;
const SCALE = 3;
const UNIT = 4;
const SUM = 5;
const REST = 6;
const NUMBERS = 7;

/** Slots end with room for the vector that holds the last element, and do not start at the same place of a page. */
const PADDING = 320;
const PAGE = 65536;

interface Exports extends Record<string, unknown> {
  readonly memory: WebAssembly.Memory;
  readonly REQUEST: WebAssembly.Global;
  outside(array: number, n: number, low: number, high: number): number;
  unlabelled(array: number, n: number): number;
  weigh(array: number, n: number): number;
}

/** A place in the staging memory for one array, with the views of it that are in use. */
class Slot {
  readonly whole: Floats;
  private part: Floats;

  constructor(
    private readonly memory: WebAssembly.Memory,
    readonly address: number,
    private readonly type: Float32ArrayConstructor | Float64ArrayConstructor,
  ) {
    this.whole = new type(memory.buffer, address, ROUND);
    this.part = this.whole;
  }

  /** The first `n` elements; the view is kept for the next call of that length. */
  view(n: number): Floats {
    if (n === ROUND) return this.whole;
    if (this.part.length !== n) this.part = new this.type(this.memory.buffer, this.address, n);
    return this.part;
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

/** One instance with its staging memory, for arrays of one type; `narrow`: f32 arrays in an f64 build. */
class Kernels implements Engine {
  private readonly exports: Exports;
  private readonly integers: Int32Array;
  private readonly numbers: Float64Array;
  private readonly prediction: Slot;
  private readonly target: Slot;
  private readonly weights: Slot;
  private readonly value: Slot;
  private readonly grad: Slot;
  private readonly hess: Slot;
  /** Whether the arrays of the call under way are all in their slots. */
  private staged = false;
  /** The loss of the last call and its kernel: exports are slow to look up. */
  private spec: Spec | undefined;
  private kernel: () => void = () => {};
  private sum = 0;
  private rest = 0;

  constructor(
    module: WebAssembly.Module,
    private readonly type: Float32ArrayConstructor | Float64ArrayConstructor,
    narrow: boolean,
  ) {
    this.exports = instantiateSync<Exports>(module, {}).exports;
    const { memory, REQUEST } = this.exports;
    const size = ROUND * type.BYTES_PER_ELEMENT + PADDING;
    memory.grow(Math.ceil((6 * size) / PAGE));
    const slot = (k: number): Slot => new Slot(memory, PAGE + k * size, type);
    this.prediction = slot(0);
    this.target = slot(1);
    this.weights = slot(2);
    this.value = slot(3);
    this.grad = slot(4);
    this.hess = slot(5);
    this.integers = new Int32Array(memory.buffer, REQUEST.value, INTEGERS);
    this.numbers = new Float64Array(memory.buffer, REQUEST.value + 4 * INTEGERS, NUMBERS);
    this.integers[NARROW] = narrow ? 1 : 0;
    for (let k = 0; k < 6; k++) this.integers[POINTERS + k] = PAGE + k * size;
  }

  has(spec: Spec): boolean {
    return spec === this.spec || spec.name in this.exports;
  }

  open(call: Call): number {
    const { spec, prediction, target, weights } = call;
    const n = prediction.length;
    this.staged = n <= ROUND;
    if (this.staged) this.stage(call, 0, n);
    if (spec.predictions !== undefined) this.check(call, "prediction", prediction, this.prediction, spec.predictions);
    if (spec.targets !== undefined && call.fault === undefined)
      this.check(call, "target", target, this.target, spec.targets);
    return weights === undefined || call.fault !== undefined ? n : this.weigh(call, weights);
  }

  private stage({ prediction, target, weights }: Call, from: number, n: number): void {
    this.prediction.put(prediction, from, n);
    this.target.put(target, from, n);
    if (weights !== undefined) this.weights.put(weights, from, n);
  }

  private check(
    call: Call,
    name: "prediction" | "target",
    array: Floats,
    slot: Slot,
    range: readonly [number, number],
  ): void {
    const labels = name === "target" && call.spec.labels;
    for (let from = 0; from < array.length; from += ROUND) {
      const n = Math.min(ROUND, array.length - from);
      if (!this.staged) slot.put(array, from, n);
      const at = labels
        ? this.exports.unlabelled(slot.address, n)
        : this.exports.outside(slot.address, n, range[0], range[1]);
      if (at < 0) continue;
      call.fault = name;
      call.at = from + at;
      return;
    }
  }

  private weigh(call: Call, weights: Floats): number {
    this.sum = 0;
    this.rest = 0;
    for (let from = 0; from < weights.length; from += ROUND) {
      const n = Math.min(ROUND, weights.length - from);
      if (!this.staged) this.weights.put(weights, from, n);
      const at = this.exports.weigh(this.weights.address, n);
      if (at >= 0) {
        call.fault = "weights";
        call.at = from + at;
        return 0;
      }
      this.add();
    }
    return this.sum + this.rest;
  }

  sweep(call: Call, want: number): number {
    const kernel = this.kernelOf(call.spec);
    this.sum = 0;
    this.rest = 0;
    this.integers[WANT] = call.weights === undefined ? want : want | WEIGHTED;
    this.numbers[A] = call.a;
    this.numbers[B] = call.b;
    this.numbers[C] = call.c;
    this.numbers[SCALE] = call.scale;
    this.numbers[UNIT] = call.unit;
    const length = call.prediction.length;
    let from = 0;
    do {
      const n = Math.min(ROUND, length - from);
      if (!this.staged) this.stage(call, from, n);
      this.integers[N] = n;
      kernel();
      this.add();
      if (want & EACH) call.value = this.keep(call.value, this.value, from, n, length);
      if (want & GRAD) call.grad = this.keep(call.grad, this.grad, from, n, length);
      if (want & HESS) call.hess = this.keep(call.hess, this.hess, from, n, length);
      from += ROUND;
    } while (from < length);
    return this.sum + this.rest;
  }

  private kernelOf(spec: Spec): () => void {
    if (spec !== this.spec) {
      const kernel = this.exports[spec.name];
      if (!isKernel(kernel)) throw new Error(`${spec.name}: no such kernel`);
      this.spec = spec;
      this.kernel = kernel;
    }
    return this.kernel;
  }

  /** Adds a round's sum, in the order of the rounds. Knuth (1969), two-sum. */
  private add(): void {
    const sum = this.numbers[SUM] ?? 0;
    const round = Number.isFinite(sum) ? sum + (this.numbers[REST] ?? 0) : sum;
    const next = this.sum + round;
    const added = next - this.sum;
    if (Number.isFinite(next)) this.rest += this.sum - (next - added) + (round - added);
    else this.rest = 0;
    this.sum = next;
  }

  /** Copies a round's results to the caller's array, or to a new one. */
  private keep(array: Floats | undefined, slot: Slot, from: number, n: number, length: number): Floats {
    const kept = array ?? new this.type(length);
    kept.set(slot.view(n), from);
    return kept;
  }
}

function isKernel(thing: unknown): thing is () => void {
  return typeof thing === "function";
}

let single: Kernels | undefined;
let wide: Kernels | undefined;
let double: Kernels | undefined;
let doubleModule: WebAssembly.Module | undefined;

function compileDouble(): WebAssembly.Module {
  doubleModule ??= compile("f64");
  return doubleModule;
}

/** The instance that has the loss for the prediction's type. */
function kernelsFor({ prediction, spec }: Call): Kernels {
  if (prediction.BYTES_PER_ELEMENT === 8) {
    double ??= new Kernels(compileDouble(), Float64Array, false);
    return double;
  }
  single ??= new Kernels(compile("f32"), Float32Array, false);
  if (single.has(spec)) return single;
  wide ??= new Kernels(compileDouble(), Float32Array, true);
  return wide;
}

export const kernels: Engine = {
  open: (call) => kernelsFor(call).open(call),
  sweep: (call, want) => kernelsFor(call).sweep(call, want),
};
