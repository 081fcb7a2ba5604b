/** Memories, instances of the kernels over them, their requests, and places for arrays. */
import { demangle } from "@assemblyscript/loader";
import { part } from "./arrays.js";
import { type Family, type Floats, type Kind, Missing, type Modules } from "./engine.js";

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
/** Of the last round. */
const SUM = 5;
const REST = 6;
const TOTAL = 7;
const LOST = 8;
const NUMBERS = 9;

/** Of WebAssembly's memory; the first is the kernels' own. */
export const PAGE = 65536;

/** Slots end with room for the vector that holds the last element, and do not start at the same place of a page. */
export const PADDING = 320;

interface Exports extends Record<string, unknown> {
  readonly REQUEST: WebAssembly.Global;
  /** Of ssim's build. */
  readonly STRIP: WebAssembly.Global;
  outside(array: number, n: number, low: number, high: number): number;
  unlabelled(array: number, n: number): number;
  notClass(labels: number, n: number, classes: number): number;
  weigh(array: number, n: number): number;
  weighRows(): void;
}

/** Makes a binary's module, anew each time. */
type Build = () => WebAssembly.Module;

const compiled = new Map<Build, WebAssembly.Module>();

/** Compiled once, when it is first needed. */
function moduleOf(build: Build): WebAssembly.Module {
  const module = compiled.get(build) ?? attempt(build);
  compiled.set(build, module);
  return module;
}

function attempt(build: Build): WebAssembly.Module {
  try {
    return build();
  } catch (error) {
    if (error instanceof Missing) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `simdloss: there are no kernels (${reason}); they need WebAssembly with SIMD and, where there is a Content-Security-Policy, ` +
        "'wasm-unsafe-eval' in its script-src; simdloss/reference needs neither",
      { cause: error },
    );
  }
}

/** For other threads; engines share what they have made of a module. */
export function modulesOf<K extends Kind>({ kind, f32, f64 }: Family<K>): Modules<K> {
  return { kind, f32: moduleOf(f32), f64: moduleOf(f64) };
}

/** A build over a memory, and its request. */
export class Instance {
  readonly exports: Exports;
  /** As they come: the loader wraps every function, which takes as long as a short kernel. */
  private readonly plain: WebAssembly.Exports;
  readonly integers: Int32Array;
  readonly numbers: Float64Array;
  /** The loss of the last call and its kernel: exports are slow to look up. */
  private name = "";
  private kernel: () => void = () => {};

  constructor(build: Build, memory: WebAssembly.Memory) {
    // Not by the loader's `instantiateSync`, which knows a module by its class: modules come from other realms, too.
    this.plain = new WebAssembly.Instance(moduleOf(build), { env: { memory } }).exports;
    this.exports = demangle<Exports>(this.plain);
    const { REQUEST } = this.exports;
    this.integers = new Int32Array(memory.buffer, REQUEST.value, INTEGERS);
    this.numbers = new Float64Array(memory.buffer, REQUEST.value + 4 * INTEGERS, NUMBERS);
  }

  has(name: string): boolean {
    return name in this.exports;
  }

  kernelOf(name: string): () => void {
    if (name !== this.name) {
      const kernel = this.plain[name];
      if (!isKernel(kernel)) throw new Error(`${name}: no such kernel`);
      this.name = name;
      this.kernel = kernel;
    }
    return this.kernel;
  }

  /** Begins to add up rounds, and to write them down where that is asked for. */
  begin(rounds: number[] | undefined): void {
    if (rounds !== undefined) rounds.length = 0;
    this.numbers[TOTAL] = 0;
    this.numbers[LOST] = 0;
  }

  /** Writes the last round down. */
  note(rounds: number[] | undefined): void {
    rounds?.push(this.numbers[SUM] ?? 0, this.numbers[REST] ?? 0);
  }

  total(): number {
    return (this.numbers[TOTAL] ?? 0) + (this.numbers[LOST] ?? 0);
  }
}

function isKernel(thing: unknown): thing is () => void {
  return typeof thing === "function";
}

/** A memory with the kernels in its first page. It never grows, so that views of it stay. */
export class Home {
  readonly memory: WebAssembly.Memory;
  readonly buffer: ArrayBuffer;
  /** Up to where it is taken. */
  top: number;
  /** Up to where it has been in use. */
  dirty = 0;
  private readonly instances = new Map<Build, Instance>();

  /** `bytes`, besides the kernels' own page; `lent`: arrays of the caller's may lie in it. */
  constructor(
    bytes: number,
    readonly lent = false,
  ) {
    const pages = 1 + Math.ceil(bytes / PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.buffer = this.memory.buffer;
    this.top = this.buffer.byteLength;
    if (!lent) return;
    homes.set(this.buffer, this);
    lending = true;
  }

  /** Where what is free begins, for numbers of any type. */
  get spare(): number {
    return Math.ceil(this.top / 16) * 16;
  }

  has(bytes: number): boolean {
    return this.spare + bytes <= this.buffer.byteLength;
  }

  /** Says that what is before `end` may not be zeros. */
  touch(end: number): void {
    this.dirty = Math.max(this.dirty, end);
  }

  instanceOf(build: Build): Instance {
    const instance = this.instances.get(build) ?? new Instance(build, this.memory);
    this.instances.set(build, instance);
    return instance;
  }
}

/** Those in which arrays of the caller's may lie. */
const homes = new WeakMap<ArrayBufferLike, Home>();
let lending = false;

/** Where an array lies, if that is in kernels' memory. */
export function homeOf(array: Floats): Home | undefined {
  // Buffers take a while to ask for.
  return lending ? homes.get(array.buffer) : undefined;
}

/** Where the kernels find an array of a call: in its place, if that is in their memory, or, part by part, in a slot of it. */
export class Slot {
  readonly whole: Floats;
  inPlace = false;
  /** Of the lengths last asked for: long arrays have full rounds and a last one. */
  private part: Floats;
  private other: Floats;

  constructor(
    private readonly home: Home,
    readonly address: number,
    private readonly type: FloatsConstructor,
    readonly size: number,
  ) {
    this.whole = new type(home.buffer, address, size);
    this.part = this.whole;
    this.other = this.whole;
  }

  /** Decides whether an array is to stay in its place; returns whether it is. */
  settle(array: Floats | undefined): boolean {
    this.inPlace = array !== undefined && array.buffer === this.home.buffer;
    return this.inPlace;
  }

  /** The first `n` elements; the view is kept for the next call of that length. */
  view(n: number): Floats {
    if (n === this.size) return this.whole;
    if (this.part.length === n) return this.part;
    const found = this.other.length === n ? this.other : new this.type(this.home.buffer, this.address, n);
    this.other = this.part;
    this.part = found;
    return found;
  }

  /** The address of the array's elements from `from` on, if they are to be read or written in their place, else of the slot. */
  of(array: Floats | undefined, from: number): number {
    if (!this.inPlace || array === undefined) return this.address;
    return array.byteOffset + from * array.BYTES_PER_ELEMENT;
  }

  /** The address of `n` elements of the array from `from` on. */
  put(array: Floats, from: number, n: number): number {
    if (!this.inPlace) this.whole.set(n === array.length ? array : part(array, from, n));
    return this.of(array, from);
  }

  /** The array, or a new one, with `n` results from `from` on. */
  keep(array: Floats | undefined, from: number, n: number, length: number): Floats {
    const kept = array ?? new this.type(length);
    if (!this.inPlace) kept.set(this.view(n), from);
    return kept;
  }
}

/** Adds up weights, and marks the first that is negative or not finite as the call's fault; they may be in their slot already. */
export function weigh(
  instance: Instance,
  call: { fault: string | undefined; at: number; rounds: number[] | undefined },
  weights: Floats,
  slot: Slot,
  staged: boolean,
  round = slot.size,
): number {
  instance.begin(call.rounds);
  for (let from = 0; from < weights.length; from += round) {
    const n = Math.min(round, weights.length - from);
    const address = staged ? slot.of(weights, from) : slot.put(weights, from, n);
    const at = instance.exports.weigh(address, n);
    instance.note(call.rounds);
    if (at < 0) continue;
    call.fault = "weights";
    call.at = from + at;
    return 0;
  }
  return instance.total();
}

/** Makes what carries out losses of `type` in a memory; `narrow`: f32 arrays in the f64 build. */
type Make<T> = (home: Home, instance: Instance, type: FloatsConstructor, narrow: boolean) => T;

/** One user of a memory for each type; f32 arrays go to the f64 build where the loss is in no other. */
export class Users<T> {
  private single: T | undefined;
  private wide: T | undefined;
  private double: T | undefined;

  constructor(
    private readonly family: Family,
    private readonly home: Home,
    private readonly make: Make<T>,
  ) {}

  for(bytes: number, name: string): T {
    if (bytes === 8) {
      this.double ??= this.make(this.home, this.home.instanceOf(this.family.f64), Float64Array, false);
      return this.double;
    }
    const instance = this.home.instanceOf(this.family.f32);
    if (instance.has(name)) {
      this.single ??= this.make(this.home, instance, Float32Array, false);
      return this.single;
    }
    this.wide ??= this.make(this.home, this.home.instanceOf(this.family.f64), Float32Array, true);
    return this.wide;
  }
}

/** The users of all memories: of the package's own, and of those in which calls' arrays lie. */
export class Everywhere<T> {
  private usual: Users<T> | undefined;
  private readonly others = new WeakMap<Home, Users<T>>();
  /** The last one asked for in the package's own memory, and by what. */
  private last: T | undefined;
  private name = "";
  private bytes = 0;

  constructor(
    private readonly family: Family,
    private readonly own: () => Home,
    private readonly make: Make<T>,
  ) {}

  for(prediction: Floats, name: string): T {
    const home = homeOf(prediction);
    const bytes = prediction.BYTES_PER_ELEMENT;
    if (home !== undefined) return this.usersOf(home).for(bytes, name);
    if (this.last !== undefined && name === this.name && bytes === this.bytes) return this.last;
    this.usual ??= new Users(this.family, this.own(), this.make);
    this.last = this.usual.for(bytes, name);
    this.name = name;
    this.bytes = bytes;
    return this.last;
  }

  private usersOf(home: Home): Users<T> {
    const found = this.others.get(home) ?? new Users(this.family, home, this.make);
    this.others.set(home, found);
    return found;
  }
}
