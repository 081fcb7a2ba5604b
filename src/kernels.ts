/** What carries element-wise losses out: where the arrays lie, or in rounds through the staging memory. */
import { EACH, GRAD, HESS, ROUND, WEIGHTED } from "../assembly/want.js";
import type { Call, Engine, Family, Floats } from "./engine.js";
import {
  A,
  B,
  C,
  Everywhere,
  type FloatsConstructor,
  Home,
  type Instance,
  modulesOf,
  N,
  NARROW,
  PADDING,
  PAGE,
  POINTERS,
  SCALE,
  Slot,
  UNIT,
  WANT,
  weigh,
} from "./staging.js";

/** For either type. */
const SLOT = ROUND * Float64Array.BYTES_PER_ELEMENT + PADDING;

/** The kernels of one type in one memory; `narrow`: f32 arrays in the f64 build. */
class Kernels implements Engine {
  private readonly prediction: Slot;
  private readonly target: Slot;
  private readonly weights: Slot;
  private readonly value: Slot;
  private readonly grad: Slot;
  private readonly hess: Slot;
  /** Whether what the call under way reads is all where the kernels can read it, and its addresses are in the request. */
  private staged = false;

  constructor(
    private readonly home: Home,
    private readonly instance: Instance,
    type: FloatsConstructor,
    private readonly narrow: boolean,
  ) {
    const slot = (k: number): Slot => new Slot(home, PAGE + k * SLOT, type, ROUND);
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
    this.instance.integers[NARROW] = this.narrow ? 1 : 0;
    const inPlace = this.home.lent && this.settle(call);
    this.staged = inPlace || n <= ROUND;
    if (this.staged) this.stage(call, 0, n);
    if (spec.predictions !== undefined) this.check(call, "prediction", prediction, this.prediction, spec.predictions);
    if (spec.targets !== undefined && call.fault === undefined)
      this.check(call, "target", target, this.target, spec.targets);
    if (weights === undefined || call.fault !== undefined) return n;
    return weigh(this.instance, call, weights, this.weights, this.staged);
  }

  /** Finds out which arrays may stay in their places; returns whether all that are read may. */
  private settle({ prediction, target, weights, value, grad, hess }: Call): boolean {
    this.value.settle(value);
    // In the prediction's place it would be written before the prediction is read again: where sums of pairs overflow.
    this.grad.settle(grad?.byteOffset === prediction.byteOffset ? undefined : grad);
    this.hess.settle(hess);
    const first = this.prediction.settle(prediction);
    const second = this.target.settle(target);
    const third = this.weights.settle(weights) || weights === undefined;
    return first && second && third;
  }

  private stage({ prediction, target, weights }: Call, from: number, n: number): void {
    const { integers } = this.instance;
    integers[POINTERS] = this.prediction.put(prediction, from, n);
    integers[POINTERS + 1] = this.target.put(target, from, n);
    if (weights !== undefined) integers[POINTERS + 2] = this.weights.put(weights, from, n);
  }

  private check(
    call: Call,
    name: "prediction" | "target",
    array: Floats,
    slot: Slot,
    range: readonly [number, number],
  ): void {
    const { exports } = this.instance;
    const labels = name === "target" && call.spec.labels;
    const round = this.staged ? array.length : ROUND;
    for (let from = 0; from < array.length; from += round) {
      const n = Math.min(round, array.length - from);
      const address = this.staged ? slot.of(array, 0) : slot.put(array, from, n);
      const at = labels ? exports.unlabelled(address, n) : exports.outside(address, n, range[0], range[1]);
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
    instance.begin(call.rounds);
    integers[WANT] = call.weights === undefined ? want : want | WEIGHTED;
    numbers[A] = call.a;
    numbers[B] = call.b;
    numbers[C] = call.c;
    numbers[SCALE] = call.scale;
    numbers[UNIT] = call.unit;
    const length = call.prediction.length;
    const round = this.staged && this.leaves(want) ? length : ROUND;
    let from = 0;
    do {
      const n = Math.min(round, length - from);
      if (!this.staged || n < length) this.stage(call, from, n);
      integers[POINTERS + 3] = this.value.of(call.value, from);
      integers[POINTERS + 4] = this.grad.of(call.grad, from);
      integers[POINTERS + 5] = this.hess.of(call.hess, from);
      integers[N] = n;
      kernel();
      instance.note(call.rounds);
      if (want & EACH) call.value = this.value.keep(call.value, from, n, length);
      if (want & GRAD) call.grad = this.grad.keep(call.grad, from, n, length);
      if (want & HESS) call.hess = this.hess.keep(call.hess, from, n, length);
      from += round;
    } while (from < length);
    return instance.total();
  }

  /** Whether the kernels may write all that is wanted where it is to be. */
  private leaves(want: number): boolean {
    if (want & EACH && !this.value.inPlace) return false;
    if (want & HESS && !this.hess.inPlace) return false;
    return this.grad.inPlace || !(want & GRAD);
  }
}

/** Bytes of a memory, from its second page on. */
export const STAGING = 6 * SLOT;

/** The package's own, which all families use. */
let home: Home | undefined;

function own(): Home {
  home ??= new Home(STAGING);
  return home;
}

export function kernels(family: Family<"regression" | "classification">): Engine {
  const everywhere = new Everywhere(
    family,
    own,
    (home, instance, type, narrow) => new Kernels(home, instance, type, narrow),
  );
  return {
    modules: () => modulesOf(family),
    open: (call) => everywhere.for(call.prediction, call.spec.name).open(call),
    sweep: (call, want) => everywhere.for(call.prediction, call.spec.name).sweep(call, want),
  };
}
