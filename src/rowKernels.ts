/** What carries row losses out: where the arrays lie, or as many whole rows at a time as the staging memory holds. */
import { rows } from "#wasm";
import { EACH, GRAD, HESS, SUM } from "../assembly/want.js";
import type { Floats, Labels, RowCall, RowEngine } from "./engine.js";
import { ROWS_ROUND as ROUND, roundOf } from "./rounds.js";
import {
  A,
  CLASS_WEIGHTS,
  Everywhere,
  FIRST,
  type FloatsConstructor,
  GRAD_OTHER,
  HESS_OTHER,
  Home,
  homeOf,
  type Instance,
  LABELS,
  LENGTH,
  modulesOf,
  N,
  NARROW,
  PADDING,
  PAGE,
  PANELS,
  POINTERS,
  SCALE,
  Slot,
  UNIT,
  Users,
  WANT,
  weigh,
} from "./staging.js";

/** Bytes of a label. */
const LABEL = Int32Array.BYTES_PER_ELEMENT;

/** As assembly/rows.ts uses them, each of a row padded to a vector, or of a few rows side by side. */
const PANELS_IN_USE = 5;

/** What rows of `length` elements take, for either type. */
class Layout {
  /** A multiple of 8, so that numbers of either type lie where they must. */
  readonly room: number;
  /** Bytes of an array of a row's length, and of one with a number a row. */
  readonly long: number;
  readonly perRow = ROUND * Float64Array.BYTES_PER_ELEMENT + PADDING;
  readonly bytes: number;

  constructor(length: number) {
    this.room = Math.ceil(length / 8) * 8;
    this.long = this.room * Float64Array.BYTES_PER_ELEMENT + PADDING;
    this.bytes = 3 * this.perRow + (7 + PANELS_IN_USE) * this.long;
  }
}

/** The kernels of one type in one memory, for rows of up to `length` elements; `narrow`: f32 arrays in the f64 build. */
class RowKernels implements RowEngine {
  private readonly target: Slot;
  private readonly hess: Slot;
  private readonly gradOther: Slot;
  private readonly hessOther: Slot;
  private readonly weights: Slot;
  private readonly classWeights: Slot;
  private readonly value: Slot;
  private readonly prediction: Slot;
  private readonly grad: Slot;
  private readonly labels: Int32Array;
  private readonly panels: number;
  /** Whether what the call under way reads is all where the kernels can read it, and its addresses are in the request. */
  private staged = false;
  /** Where its labels are, if all are there; else 0. */
  private labelsAt = 0;

  constructor(
    private readonly home: Home,
    private readonly instance: Instance,
    type: FloatsConstructor,
    private readonly narrow: boolean,
    start: number,
    length: number,
  ) {
    const { room, long, perRow } = new Layout(length);
    const rows = (k: number): Slot => new Slot(home, start + k * perRow, type, ROUND);
    this.weights = rows(0);
    this.value = rows(1);
    this.labels = new Int32Array(home.buffer, start + 2 * perRow, ROUND);
    const slots = start + 3 * perRow;
    const slot = (k: number): Slot => new Slot(home, slots + k * long, type, room);
    this.target = slot(0);
    this.hess = slot(1);
    this.gradOther = slot(2);
    this.hessOther = slot(3);
    this.classWeights = slot(4);
    this.panels = slots + 7 * long;
    // A row that fills a round alone is carried out where it is staged: in the first panel.
    const alone = length > ROUND && !this.narrow;
    this.prediction = slot(alone ? 7 : 5);
    this.grad = slot(alone ? 7 : 6);
  }

  open(call: RowCall): number {
    const { spec, rows, length, prediction, target, labels, weights, classWeights } = call;
    this.instance.integers[NARROW] = this.narrow ? 1 : 0;
    const inPlace = this.home.lent && this.settle(call);
    this.staged = inPlace || rows <= roundOf(length);
    this.request(call);
    if (labels !== undefined) this.readLabels(call, labels);
    if (this.staged) this.stage(call, 0, rows);
    call.classUnit = classWeights === undefined ? 1 : stageClassWeights(this.classWeights, classWeights, length);
    if (spec.predictions) this.check(call, "prediction", prediction, this.prediction);
    if (labels === undefined && spec.targets) this.check(call, "target", target, this.target);
    if (call.fault !== undefined) return rows;
    const weight =
      weights === undefined ? rows : weigh(this.instance, call, weights, this.weights, this.staged, roundOf(length));
    const alike = classWeights === undefined && Number.isNaN(call.ignore);
    return alike || call.fault !== undefined ? weight : this.weighRows(call);
  }

  /** Finds out which arrays may stay in their places; returns whether all that are read may. */
  private settle({ prediction, target, labels, weights, value, grad, hess, gradOther, hessOther }: RowCall): boolean {
    this.value.settle(value);
    this.grad.settle(grad);
    this.hess.settle(hess);
    this.gradOther.settle(gradOther);
    this.hessOther.settle(hessOther);
    const first = this.prediction.settle(prediction);
    const second = labels === undefined ? this.target.settle(target) : true;
    const third = this.weights.settle(weights) || weights === undefined;
    return first && second && third;
  }

  /** Fills in what does not change from round to round. */
  private request({ length, classWeights, a }: RowCall): void {
    const { integers, numbers } = this.instance;
    integers[POINTERS + 1] = 0;
    integers[POINTERS + 2] = 0;
    integers[LENGTH] = length;
    integers[LABELS] = 0;
    integers[CLASS_WEIGHTS] = classWeights === undefined ? 0 : this.classWeights.address;
    integers[GRAD_OTHER] = 0;
    integers[HESS_OTHER] = 0;
    integers[PANELS] = this.panels;
    numbers[A] = a;
  }

  private stage(call: RowCall, from: number, n: number): void {
    this.instance.integers[POINTERS] = this.prediction.put(call.prediction, from * call.length, n * call.length);
    this.stageTargets(call, from, n);
  }

  private stageTargets(call: RowCall, from: number, n: number): void {
    const { target, labels, weights, length } = call;
    const { integers } = this.instance;
    if (labels === undefined) integers[POINTERS + 1] = this.target.put(target, from * length, n * length);
    else {
      // Of more than there is room for, each round brings its own.
      if (this.labelsAt === 0 && n <= ROUND) this.putLabels(call, labels, from, n);
      integers[LABELS] = this.labelsAt === 0 ? this.labels.byteOffset : this.labelsAt + from * LABEL;
    }
    if (weights !== undefined) integers[POINTERS + 2] = this.weights.put(weights, from, n);
  }

  private check(call: RowCall, name: "prediction" | "target", array: Floats, slot: Slot): void {
    if (call.fault !== undefined) return;
    const round = this.staged ? array.length : slot.size;
    for (let from = 0; from < array.length; from += round) {
      const n = Math.min(round, array.length - from);
      const address = this.staged ? slot.of(array, 0) : slot.put(array, from, n);
      const at = this.instance.exports.outside(address, n, 0, Infinity);
      if (at < 0) continue;
      call.fault = name;
      call.at = from + at;
      return;
    }
  }

  /** Checks the labels, and leaves as many as there is room for where the kernels can read them. */
  private readLabels(call: RowCall, labels: Labels): void {
    const { home, instance } = this;
    const { length, ignore } = call;
    if (home.lent && labels.buffer === home.buffer && labels instanceof Int32Array && Number.isNaN(ignore)) {
      this.labelsAt = labels.byteOffset;
      const at = instance.exports.notClass(this.labelsAt, labels.length, length);
      if (at >= 0) refuse(call, at);
      return;
    }
    this.labelsAt = labels.length > ROUND ? 0 : this.labels.byteOffset;
    for (let from = 0; from < labels.length && call.fault === undefined; from += ROUND) {
      const at = this.putLabels(call, labels, from, Math.min(ROUND, labels.length - from));
      if (at >= 0) refuse(call, at);
    }
  }

  /** Puts −1 for labels to ignore; returns the row of the first that is none, or −1. */
  private putLabels({ length, ignore }: RowCall, labels: Labels, from: number, n: number): number {
    const slot = this.labels;
    if (n === labels.length && Number.isNaN(ignore) && labels.BYTES_PER_ELEMENT < 8) {
      // Integers of 32 bits at most: what wraps becomes negative.
      slot.set(labels);
      const at = this.instance.exports.notClass(slot.byteOffset, n, length);
      return at < 0 ? -1 : from + at;
    }
    for (let k = 0; k < n; k++) {
      const label = labels[from + k] ?? -1;
      if (label === ignore) slot[k] = -1;
      else if (label >= 0 && label < length) slot[k] = label;
      else return from + k;
    }
    return -1;
  }

  /** Adds up the weights of the rows that count, times those of their classes. */
  private weighRows(call: RowCall): number {
    const { instance } = this;
    const round = roundOf(call.length);
    instance.begin(call.rounds);
    for (let from = 0; from < call.rows; from += round) {
      const n = Math.min(round, call.rows - from);
      if (!this.staged || n < call.rows) this.stageTargets(call, from, n);
      instance.integers[N] = n;
      instance.exports.weighRows();
      instance.note(call.rounds);
    }
    return instance.total() * call.classUnit;
  }

  sweep(call: RowCall, want: number): number {
    const { instance } = this;
    const { spec, rows, length } = call;
    const { integers, numbers } = instance;
    const kernel = instance.kernelOf(spec.name);
    const round = roundOf(length);
    const size = rows * length;
    instance.begin(call.rounds);
    integers[WANT] = want;
    integers[FIRST] = 1;
    numbers[SCALE] = call.scale;
    numbers[UNIT] = call.unit * call.classUnit;
    let from = 0;
    do {
      const n = Math.min(round, rows - from);
      const at = from * length;
      const part = n * length;
      if (!this.staged || n < rows) this.stage(call, from, n);
      integers[POINTERS + 3] = this.value.of(call.value, from);
      integers[POINTERS + 4] = this.grad.of(call.grad, at);
      integers[POINTERS + 5] = this.hess.of(call.hess, at);
      if (spec.both) {
        integers[GRAD_OTHER] = this.gradOther.of(call.gradOther, at);
        integers[HESS_OTHER] = this.hessOther.of(call.hessOther, at);
      }
      integers[N] = n;
      kernel();
      instance.note(call.rounds);
      integers[FIRST] = 0;
      if (want & EACH) call.value = this.value.keep(call.value, from, n, rows);
      if (want & GRAD) call.grad = this.grad.keep(call.grad, at, part, size);
      if (want & HESS) call.hess = this.hess.keep(call.hess, at, part, size);
      if (want & GRAD && spec.both) call.gradOther = this.gradOther.keep(call.gradOther, at, part, size);
      if (want & HESS && spec.both) call.hessOther = this.hessOther.keep(call.hessOther, at, part, size);
      from += round;
    } while (from < rows);
    return want & SUM ? instance.total() : 0;
  }
}

function refuse(call: RowCall, at: number): void {
  call.fault = "labels";
  call.at = at;
}

/**
 * Stages the class weights; where one of them is extreme, divided by a power of two in their middle, so that what they weigh is a normal
 * number. Returns that power, or 1.
 */
function stageClassWeights(slot: Slot, weights: Floats, length: number): number {
  slot.put(weights, 0, length);
  const staged = slot.view(length);
  let least = Infinity;
  let most = 0;
  for (const weight of staged) {
    if (weight === 0) continue;
    if (weight < least) least = weight;
    if (weight > most) most = weight;
  }
  if (most === 0 || (least > 2 ** -20 && most < 2 ** 20)) return 1;
  const unit = 2 ** Math.max(-1000, Math.min(1000, Math.round((Math.log2(least) + Math.log2(most)) / 2)));
  for (let k = 0; k < length; k++) staged[k] = (staged[k] ?? 0) / unit;
  return unit;
}

/** Bytes of a memory, from its second page on. */
export const STAGING = /* @__PURE__ */ new Layout(ROUND).bytes;

const everywhere = /* @__PURE__ */ new Everywhere(
  rows,
  () => new Home(STAGING),
  (home, instance, type, narrow) => new RowKernels(home, instance, type, narrow, PAGE, ROUND),
);

/** For rows too long for a round. */
class LongRows {
  readonly users: Users<RowKernels>;

  constructor(
    home: Home,
    readonly start: number,
    readonly length: number,
  ) {
    this.users = new Users(
      rows,
      home,
      (of, instance, type, narrow) => new RowKernels(of, instance, type, narrow, start, length),
    );
  }
}

const longRows = /* @__PURE__ */ new WeakMap<Home, LongRows>();
let ownLongRows: LongRows | undefined;

/** In what is free where the arrays lie, if that is enough, or in a memory of their own. */
function forLongRows({ prediction, spec, length }: RowCall): RowKernels {
  const home = homeOf(prediction);
  const found = home?.has(new Layout(length).bytes) ? inTheirHome(home, length) : ours(spec.name, length);
  return found.users.for(prediction.BYTES_PER_ELEMENT, spec.name);
}

function inTheirHome(home: Home, length: number): LongRows {
  let found = longRows.get(home);
  if (found === undefined || found.start !== home.spare || found.length !== length) {
    found = new LongRows(home, home.spare, length);
    longRows.set(home, found);
  }
  home.touch(found.start + new Layout(length).bytes);
  return found;
}

function ours(loss: string, length: number): LongRows {
  if (ownLongRows !== undefined && ownLongRows.length >= length) return ownLongRows;
  try {
    ownLongRows = new LongRows(new Home(new Layout(length).bytes), PAGE, length);
    return ownLongRows;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${loss}: rows of ${length} elements do not fit in WebAssembly's memory`);
  }
}

function kernelsFor(call: RowCall): RowKernels {
  return call.length > ROUND ? forLongRows(call) : everywhere.for(call.prediction, call.spec.name);
}

export const rowKernels: RowEngine = {
  modules: () => modulesOf(rows),
  open: (call) => kernelsFor(call).open(call),
  sweep: (call, want) => kernelsFor(call).sweep(call, want),
};
