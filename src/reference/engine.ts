/** The engine of the reference: plain loops over a plain formula, in double precision throughout. */
import { EACH, GRAD, HESS, SUM } from "../../assembly/want.js";
import { like } from "../arrays.js";
import type { Call, Engine, Floats } from "../engine.js";
import type { Formula } from "./formula.js";

export function plain<P>(formula: Formula<P>, parametersOf: (call: Call) => P): Engine {
  return { open, sweep };

  function sweep(call: Call, want: number): number {
    const { prediction, target, weights, scale, unit } = call;
    const parameters = parametersOf(call);
    const n = prediction.length;
    const value = want & EACH ? (call.value ?? like(prediction)) : undefined;
    const grad = want & GRAD ? (call.grad ?? like(prediction)) : undefined;
    const hess = want & HESS ? (call.hess ?? like(prediction)) : undefined;
    const sum = new Sum();
    for (let k = 0; k < n; k++) {
      const x = prediction[k] ?? Number.NaN;
      const y = target[k] ?? Number.NaN;
      const weight = weights === undefined ? 1 : (weights[k] ?? 0) * unit;
      const counts = weight !== 0;
      if (want & (SUM | EACH)) {
        const own = counts ? weight * formula.value(x, y, parameters) : 0;
        if (want & SUM) sum.add(own);
        if (value !== undefined) value[k] = own;
      }
      if (hess !== undefined) {
        hess[k] = counts ? weight * scale * formula.hess(x, y, parameters, weight * scale) : 0;
      }
      // Last: the gradient may take the prediction's place.
      if (grad !== undefined) grad[k] = counts ? weight * scale * formula.grad(x, y, parameters) : 0;
    }
    call.value = value;
    call.grad = grad ?? call.grad;
    call.hess = hess ?? call.hess;
    return sum.total();
  }
}

function open(call: Call): number {
  const { prediction, target, weights, spec } = call;
  check(call, "prediction", prediction, (x) => inside(x, spec.predictions));
  check(call, "target", target, (y) => inside(y, spec.targets, spec.labels));
  if (weights === undefined) return prediction.length;
  check(call, "weights", weights, (weight) => weight >= 0 && weight < Infinity);
  const sum = new Sum();
  for (const weight of weights) sum.add(weight);
  return sum.total();
}

function inside(x: number, range: readonly [number, number] | undefined, ends?: true): boolean {
  if (range === undefined || Number.isNaN(x)) return true;
  return ends ? x === range[0] || x === range[1] : x >= range[0] && x <= range[1];
}

function check(
  call: Call,
  name: "prediction" | "target" | "weights",
  array: Floats,
  holds: (x: number) => boolean,
): void {
  if (call.fault !== undefined) return;
  for (let k = 0; k < array.length; k++) {
    if (holds(array[k] ?? Number.NaN)) continue;
    call.fault = name;
    call.at = k;
    return;
  }
}

/** What an addition rounds away is added at the end. Neumaier (1974). */
export class Sum {
  private sum = 0;
  private rest = 0;

  add(x: number): void {
    const next = this.sum + x;
    this.rest += Math.abs(this.sum) >= Math.abs(x) ? this.sum - next + x : x - next + this.sum;
    this.sum = next;
  }

  total(): number {
    return Number.isFinite(this.sum) ? this.sum + this.rest : this.sum;
  }
}
