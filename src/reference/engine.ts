/** The engine of the reference: plain loops over a plain formula, in double precision throughout. */
import { EACH, GRAD, HESS, SUM } from "../../assembly/want.js";
import type { Call, Engine, Floats } from "../engine.js";
import type { Formula } from "./formula.js";

export function plain<P>(formula: Formula<P>, parametersOf: (call: Call) => P): Engine {
  return { open, sweep };

  function open(call: Call): number {
    const { prediction, target, weights, spec } = call;
    check(call, "prediction", (k) => inside(prediction[k], spec.predictions));
    if (call.fault === undefined) check(call, "target", (k) => inside(target[k], spec.targets, spec.labels));
    if (weights === undefined || call.fault !== undefined) return prediction.length;
    check(call, "weights", (k) => weightOf(weights, k) >= 0 && weightOf(weights, k) < Infinity);
    return sum(prediction.length, (k) => weightOf(weights, k));
  }

  function sweep(call: Call, want: number): number {
    const { prediction, target, weights, scale } = call;
    const n = prediction.length;
    const parameters = parametersOf(call);
    // Worked out before anything is written: the gradient may take the prediction's place.
    const x = Float64Array.from(prediction);
    const fill = (out: Floats | undefined, at: (k: number) => number): Floats => {
      const filled = out ?? like(prediction, n);
      for (let k = 0; k < n; k++) filled[k] = weightOf(weights, k) === 0 ? 0 : at(k);
      return filled;
    };
    const value = (k: number): number => weightOf(weights, k) * formula.value(at(x, k), at(target, k), parameters);
    const factor = (k: number): number => weightOf(weights, k) * scale;
    const total = want & SUM ? sum(n, (k) => (weightOf(weights, k) === 0 ? 0 : value(k))) : 0;
    if (want & EACH) call.value = fill(call.value, value);
    if (want & GRAD) call.grad = fill(call.grad, (k) => factor(k) * formula.grad(at(x, k), at(target, k), parameters));
    if (want & HESS) {
      call.hess = fill(call.hess, (k) => factor(k) * formula.hess(at(x, k), at(target, k), parameters, factor(k)));
    }
    return total;
  }
}

function at(array: Floats, k: number): number {
  return array[k] ?? Number.NaN;
}

function weightOf(weights: Floats | undefined, k: number): number {
  return weights === undefined ? 1 : at(weights, k);
}

function like(array: Floats, n: number): Floats {
  return array.BYTES_PER_ELEMENT === 4 ? new Float32Array(n) : new Float64Array(n);
}

function inside(x: number | undefined, range: readonly [number, number] | undefined, ends?: true): boolean {
  if (x === undefined || range === undefined || Number.isNaN(x)) return true;
  return ends ? x === range[0] || x === range[1] : x >= range[0] && x <= range[1];
}

function check(call: Call, name: "prediction" | "target" | "weights", holds: (k: number) => boolean): void {
  for (let k = 0; k < call.prediction.length; k++) {
    if (holds(k)) continue;
    call.fault = name;
    call.at = k;
    return;
  }
}

/** Neumaier (1974): what an addition rounds away is added at the end. */
function sum(n: number, term: (k: number) => number): number {
  let total = 0;
  let rest = 0;
  for (let k = 0; k < n; k++) {
    const x = term(k);
    const next = total + x;
    rest += Math.abs(total) >= Math.abs(x) ? total - next + x : x - next + total;
    total = next;
  }
  return Number.isFinite(total) ? total + rest : total;
}
