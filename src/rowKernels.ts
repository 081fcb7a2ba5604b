/** What carries row losses out: as many whole rows at a time as the staging memory holds. */
import { EACH, GRAD, HESS, SUM } from "../assembly/want.js";
import type { Floats, Labels, RowCall, RowEngine } from "./engine.js";
import {
  A,
  CLASS_WEIGHTS,
  FIRST,
  type FloatsConstructor,
  GRAD_OTHER,
  HESS_OTHER,
  type Instance,
  LABELS,
  LENGTH,
  N,
  PAGE,
  PANELS,
  PerType,
  POINTERS,
  SCALE,
  Slot,
  UNIT,
  WANT,
  weigh,
} from "./staging.js";

/** Elements that pass through the staging memory at a time, if a row is no longer than that. */
const ROUND = 8192;

/** As assembly/rows.ts uses them, each of a row padded to a vector, or of a few rows side by side. */
const PANELS_IN_USE = 5;
/** Slots end with room for the vector that holds the last element, and do not start at the same place of a page. */
const PADDING = 320;

/** The places for a call's arrays, for rows of up to `room` elements. */
class Slots {
  readonly prediction: Slot;
  readonly target: Slot;
  readonly grad: Slot;
  readonly hess: Slot;
  readonly gradOther: Slot;
  readonly hessOther: Slot;
  readonly weights: Slot;
  readonly classWeights: Slot;
  readonly value: Slot;
  readonly labels: Int32Array;
  /** The first panel, in which a row that fills a round alone is carried out where it is staged. */
  readonly row: Slot;
  readonly panels: number;
  readonly room: number;

  constructor(instance: Instance, type: FloatsConstructor, length: number) {
    const { memory } = instance;
    // A multiple of 8, so that numbers of either type lie where they must.
    const room = Math.ceil(length / 8) * 8;
    this.room = room;
    const size = room * type.BYTES_PER_ELEMENT + PADDING;
    const perRow = ROUND * Float64Array.BYTES_PER_ELEMENT + PADDING;
    const panel = room * Float64Array.BYTES_PER_ELEMENT + PADDING;
    const perRowSlots = PAGE + 7 * size;
    this.panels = perRowSlots + 3 * perRow;
    const end = this.panels + PANELS_IN_USE * panel;
    const missing = Math.ceil((end - memory.buffer.byteLength) / PAGE);
    if (missing > 0) memory.grow(missing);
    instance.renew();
    const slot = (k: number): Slot => new Slot(memory, PAGE + k * size, type, room);
    const rowSlot = (k: number, of: FloatsConstructor): Slot => new Slot(memory, perRowSlots + k * perRow, of, ROUND);
    this.prediction = slot(0);
    this.target = slot(1);
    this.grad = slot(2);
    this.hess = slot(3);
    this.gradOther = slot(4);
    this.hessOther = slot(5);
    this.classWeights = slot(6);
    this.weights = rowSlot(0, type);
    this.value = rowSlot(1, type);
    this.labels = new Int32Array(memory.buffer, perRowSlots + 2 * perRow, ROUND);
    this.row = new Slot(memory, this.panels, type, room);
  }
}

/** One instance with its staging memory, for arrays of one type. */
class RowKernels implements RowEngine {
  private slots: Slots;
  /** Where the call's predictions and gradients go. */
  private prediction: Slot;
  private grad: Slot;
  /** Whether the arrays of the call under way are all in their slots; whether its labels are. */
  private staged = false;
  private labelsStaged = false;
  /** What the class weights in their slot are to be multiplied by. */
  private classUnit = 1;

  constructor(
    readonly instance: Instance,
    private readonly type: FloatsConstructor,
  ) {
    this.slots = new Slots(instance, type, ROUND);
    this.prediction = this.slots.prediction;
    this.grad = this.slots.grad;
  }

  open(call: RowCall): number {
    const { spec, rows, length, prediction, target, labels, weights, classWeights } = call;
    if (length > this.slots.room) this.slots = this.longer(spec.name, length);
    const { slots } = this;
    const inPlace = length > ROUND && !this.instance.narrow;
    this.prediction = inPlace ? slots.row : slots.prediction;
    this.grad = inPlace ? slots.row : slots.grad;
    this.request(call);
    this.staged = rows <= roundOf(length);
    this.labelsStaged = labels !== undefined && rows <= ROUND;
    if (labels !== undefined) this.readLabels(call, labels);
    if (this.staged) this.stage(call, 0, rows);
    this.classUnit = classWeights === undefined ? 1 : stageClassWeights(slots.classWeights, classWeights, length);
    if (spec.predictions) this.check(call, "prediction", prediction, this.prediction);
    if (labels === undefined && spec.targets) this.check(call, "target", target, slots.target);
    if (call.fault !== undefined) return rows;
    const weight = weights === undefined ? rows : weigh(this.instance, call, weights, slots.weights, this.staged);
    const alike = classWeights === undefined && Number.isNaN(call.ignore);
    return alike || call.fault !== undefined ? weight : this.weighRows(call);
  }

  private longer(loss: string, length: number): Slots {
    try {
      return new Slots(this.instance, this.type, length);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`${loss}: rows of ${length} elements do not fit in WebAssembly's memory`);
    }
  }

  /** Fills in what does not change from round to round. */
  private request({ spec, length, labels, weights, classWeights, a }: RowCall): void {
    const { slots, instance } = this;
    const { integers, numbers } = instance;
    integers[POINTERS] = this.prediction.address;
    integers[POINTERS + 1] = labels === undefined ? slots.target.address : 0;
    integers[POINTERS + 2] = weights === undefined ? 0 : slots.weights.address;
    integers[POINTERS + 3] = slots.value.address;
    integers[POINTERS + 4] = this.grad.address;
    integers[POINTERS + 5] = slots.hess.address;
    integers[LENGTH] = length;
    integers[LABELS] = labels === undefined ? 0 : slots.labels.byteOffset;
    integers[CLASS_WEIGHTS] = classWeights === undefined ? 0 : slots.classWeights.address;
    integers[GRAD_OTHER] = spec.both ? slots.gradOther.address : 0;
    integers[HESS_OTHER] = spec.both ? slots.hessOther.address : 0;
    integers[PANELS] = slots.panels;
    numbers[A] = a;
  }

  private stage(call: RowCall, from: number, n: number): void {
    this.prediction.put(call.prediction, from * call.length, n * call.length);
    this.stageTargets(call, from, n);
  }

  private stageTargets(call: RowCall, from: number, n: number): void {
    const { target, labels, weights, length } = call;
    const { slots } = this;
    if (labels === undefined) slots.target.put(target, from * length, n * length);
    else if (this.labelsStaged)
      this.instance.integers[LABELS] = slots.labels.byteOffset + from * slots.labels.BYTES_PER_ELEMENT;
    else this.putLabels(call, labels, from, n);
    if (weights !== undefined) slots.weights.put(weights, from, n);
  }

  private check(call: RowCall, name: "prediction" | "target", array: Floats, slot: Slot): void {
    if (call.fault !== undefined) return;
    for (let from = 0; from < array.length; from += slot.size) {
      const n = Math.min(slot.size, array.length - from);
      if (!this.staged) slot.put(array, from, n);
      const at = this.instance.exports.outside(slot.address, n, 0, Infinity);
      if (at < 0) continue;
      call.fault = name;
      call.at = from + at;
      return;
    }
  }

  /** Checks the labels, and leaves as many as there is room for in their slot. */
  private readLabels(call: RowCall, labels: Labels): void {
    for (let from = 0; from < labels.length; from += ROUND) {
      const n = Math.min(ROUND, labels.length - from);
      const at = this.putLabels(call, labels, from, n);
      if (at < 0) continue;
      call.fault = "labels";
      call.at = at;
      return;
    }
  }

  /** Puts −1 for labels to ignore; returns the row of the first that is none, or −1. */
  private putLabels({ length, ignore }: RowCall, labels: Labels, from: number, n: number): number {
    const { slots, instance } = this;
    const slot = slots.labels;
    if (n === labels.length && Number.isNaN(ignore) && labels.BYTES_PER_ELEMENT < 8) {
      // Integers of 32 bits at most: what wraps becomes negative.
      slot.set(labels);
      const at = instance.exports.notClass(slot.byteOffset, n, length);
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
    instance.begin();
    for (let from = 0; from < call.rows; from += round) {
      const n = Math.min(round, call.rows - from);
      if (!this.staged) this.stageTargets(call, from, n);
      instance.integers[N] = n;
      instance.exports.weighRows();
      instance.add();
    }
    return instance.total() * this.classUnit;
  }

  sweep(call: RowCall, want: number): number {
    const { instance, slots } = this;
    const { spec, rows, length } = call;
    const { integers, numbers } = instance;
    const kernel = instance.kernelOf(spec.name);
    const round = roundOf(length);
    const size = rows * length;
    instance.begin();
    integers[WANT] = want;
    integers[FIRST] = 1;
    numbers[SCALE] = call.scale;
    numbers[UNIT] = call.unit * this.classUnit;
    let from = 0;
    do {
      const n = Math.min(round, rows - from);
      const at = from * length;
      const part = n * length;
      if (!this.staged) this.stage(call, from, n);
      integers[N] = n;
      kernel();
      integers[FIRST] = 0;
      instance.add();
      if (want & EACH) call.value = this.keep(call.value, slots.value, from, n, rows);
      if (want & GRAD) call.grad = this.keep(call.grad, this.grad, at, part, size);
      if (want & HESS) call.hess = this.keep(call.hess, slots.hess, at, part, size);
      if (want & GRAD && spec.both) call.gradOther = this.keep(call.gradOther, slots.gradOther, at, part, size);
      if (want & HESS && spec.both) call.hessOther = this.keep(call.hessOther, slots.hessOther, at, part, size);
      from += round;
    } while (from < rows);
    return want & SUM ? instance.total() : 0;
  }

  /** Copies a round's results to the caller's array, or to a new one. */
  private keep(array: Floats | undefined, slot: Slot, from: number, n: number, length: number): Floats {
    const kept = array ?? new this.type(length);
    kept.set(slot.view(n), from);
    return kept;
  }
}

/** The rows of a round. */
function roundOf(length: number): number {
  return Math.max(1, Math.floor(ROUND / length));
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

const instances = new PerType((instance, type) => new RowKernels(instance, type));

export const rowKernels: RowEngine = {
  open: (call) => instances.for(call.prediction, call.spec.name).open(call),
  sweep: (call, want) => instances.for(call.prediction, call.spec.name).sweep(call, want),
};
