/** What carries element-wise losses out: rounds through the staging memory. */
import { EACH, GRAD, HESS, WEIGHTED } from "../assembly/want.js";
import type { Call, Engine, Floats } from "./engine.js";
import {
  A,
  B,
  C,
  type FloatsConstructor,
  type Instance,
  N,
  PAGE,
  PerType,
  POINTERS,
  SCALE,
  Slot,
  UNIT,
  WANT,
  weigh,
} from "./staging.js";

/**
 * Elements that pass through the staging memory at a time, a multiple of the summation block; sums are cut here whatever the array.
 * Few enough for the fastest cache: mse with 64 Ki elements 1.15 times as fast as with 16384 a round.
 */
export const ROUND = 2048;

/** Slots end with room for the vector that holds the last element, and do not start at the same place of a page. */
const PADDING = 320;

/** One instance with its staging memory, for arrays of one type; `narrow`: f32 arrays in an f64 build. */
class Kernels implements Engine {
  private readonly prediction: Slot;
  private readonly target: Slot;
  private readonly weights: Slot;
  private readonly value: Slot;
  private readonly grad: Slot;
  private readonly hess: Slot;
  /** Whether the arrays of the call under way are all in their slots. */
  private staged = false;

  constructor(
    readonly instance: Instance,
    private readonly type: FloatsConstructor,
  ) {
    const { memory } = instance;
    const size = ROUND * type.BYTES_PER_ELEMENT + PADDING;
    memory.grow(Math.ceil((6 * size) / PAGE));
    instance.renew();
    const slot = (k: number): Slot => {
      instance.integers[POINTERS + k] = PAGE + k * size;
      return new Slot(memory, PAGE + k * size, type, ROUND);
    };
    this.prediction = slot(0);
    this.target = slot(1);
    this.weights = slot(2);
    this.value = slot(3);
    this.grad = slot(4);
    this.hess = slot(5);
  }

  open(call: Call): number {
    const { spec, prediction, target, weights } = call;
    const n = prediction.length;
    this.staged = n <= ROUND;
    if (this.staged) this.stage(call, 0, n);
    if (spec.predictions !== undefined) this.check(call, "prediction", prediction, this.prediction, spec.predictions);
    if (spec.targets !== undefined && call.fault === undefined)
      this.check(call, "target", target, this.target, spec.targets);
    if (weights === undefined || call.fault !== undefined) return n;
    return weigh(this.instance, call, weights, this.weights, this.staged);
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
        ? this.instance.exports.unlabelled(slot.address, n)
        : this.instance.exports.outside(slot.address, n, range[0], range[1]);
      if (at < 0) continue;
      call.fault = name;
      call.at = from + at;
      return;
    }
  }

  sweep(call: Call, want: number): number {
    const { instance } = this;
    const { integers, numbers } = instance;
    const kernel = instance.kernelOf(call.spec.name);
    instance.begin();
    integers[WANT] = call.weights === undefined ? want : want | WEIGHTED;
    numbers[A] = call.a;
    numbers[B] = call.b;
    numbers[C] = call.c;
    numbers[SCALE] = call.scale;
    numbers[UNIT] = call.unit;
    const length = call.prediction.length;
    let from = 0;
    do {
      const n = Math.min(ROUND, length - from);
      if (!this.staged) this.stage(call, from, n);
      integers[N] = n;
      kernel();
      instance.add();
      if (want & EACH) call.value = this.keep(call.value, this.value, from, n, length);
      if (want & GRAD) call.grad = this.keep(call.grad, this.grad, from, n, length);
      if (want & HESS) call.hess = this.keep(call.hess, this.hess, from, n, length);
      from += ROUND;
    } while (from < length);
    return instance.total();
  }

  /** Copies a round's results to the caller's array, or to a new one. */
  private keep(array: Floats | undefined, slot: Slot, from: number, n: number, length: number): Floats {
    const kept = array ?? new this.type(length);
    kept.set(slot.view(n), from);
    return kept;
  }
}

const instances = new PerType((instance, type) => new Kernels(instance, type));

export const kernels: Engine = {
  open: (call) => instances.for(call.prediction, call.spec.name).open(call),
  sweep: (call, want) => instances.for(call.prediction, call.spec.name).sweep(call, want),
};
