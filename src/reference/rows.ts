/** The engine of the reference for losses of rows: plain loops over a plain formula, in double precision throughout. */
import { EACH, GRAD, HESS, SUM } from "../../assembly/want.js";
import type { Floats, RowCall, RowEngine } from "../engine.js";
import { like, Sum } from "./engine.js";
import type { RowFormula } from "./formula.js";

export function plainRows<P>(formula: RowFormula<P>, parametersOf: (call: RowCall) => P): RowEngine {
  return { open, sweep };

  function sweep(call: RowCall, want: number): number {
    const { prediction, rows, length, scale, unit } = call;
    const parameters = parametersOf(call);
    const value = want & EACH ? (call.value ?? like(prediction, rows)) : undefined;
    const grad = want & GRAD ? (call.grad ?? like(prediction)) : undefined;
    const hess = want & HESS ? (call.hess ?? like(prediction)) : undefined;
    const gradOther = want & GRAD && formula.gradOther ? (call.gradOther ?? like(prediction)) : undefined;
    const hessOther = want & HESS && formula.hessOther ? (call.hessOther ?? like(prediction)) : undefined;
    // Copies, as the gradients may take the place of both rows.
    const x = new Float64Array(length);
    const y = new Float64Array(length);
    const derivative = new Float64Array(length);
    const sum = new Sum();
    for (let r = 0; r < rows; r++) {
      const counts = countsRow(call, r);
      const weight = counts ? weightOf(call, r) * unit : 0;
      if (counts) {
        copyRow(prediction, r, x);
        readTarget(call, r, y);
      }
      if (want & (SUM | EACH)) {
        const own = counts ? weight * formula.value(x, y, parameters) : 0;
        if (want & SUM) sum.add(own);
        if (value !== undefined) value[r] = own;
      }
      const store = (into: Floats, derive: RowFormula<P>["grad"]): void => {
        if (counts) derive(x, y, parameters, derivative);
        for (let k = 0; k < length; k++) into[r * length + k] = counts ? weight * scale * (derivative[k] ?? 0) : 0;
      };
      if (grad !== undefined) store(grad, formula.grad);
      if (hess !== undefined) store(hess, formula.hess);
      if (gradOther !== undefined && formula.gradOther) store(gradOther, formula.gradOther);
      if (hessOther !== undefined && formula.hessOther) store(hessOther, formula.hessOther);
    }
    call.value = value;
    call.grad = grad ?? call.grad;
    call.hess = hess ?? call.hess;
    call.gradOther = gradOther ?? call.gradOther;
    call.hessOther = hessOther ?? call.hessOther;
    return sum.total();
  }
}

function open(call: RowCall): number {
  const { prediction, target, labels, ignore, length, weights, spec } = call;
  if (spec.predictions) check(call, "prediction", prediction, (x) => !(x < 0));
  if (labels) {
    const isClass = (label: number) => Number.isInteger(label) && label >= 0 && label < length;
    check(call, "labels", labels, (label) => label === ignore || isClass(label));
  } else if (spec.targets) {
    check(call, "target", target, (y) => !(y < 0));
  }
  if (weights) check(call, "weights", weights, (weight) => weight >= 0 && weight < Infinity);
  if (call.fault !== undefined) return Number.NaN;
  const sum = new Sum();
  const y = new Float64Array(length);
  for (let r = 0; r < call.rows; r++) {
    if (countsRow(call, r)) sum.add(weightOf(call, r) * classWeightOf(call, r, y));
  }
  return sum.total();
}

function check(
  call: RowCall,
  name: "prediction" | "target" | "labels" | "weights",
  array: ArrayLike<number>,
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

function weightOf({ weights }: RowCall, r: number): number {
  return weights === undefined ? 1 : (weights[r] ?? 0);
}

function countsRow(call: RowCall, r: number): boolean {
  return weightOf(call, r) !== 0 && (call.labels === undefined || call.labels[r] !== call.ignore);
}

/** w_y of a label, Σ w_c y_c of a soft target; `y` is room for the row. */
function classWeightOf(call: RowCall, r: number, y: Float64Array): number {
  const { classWeights } = call;
  if (classWeights === undefined) return 1;
  readTarget(call, r, y);
  const sum = new Sum();
  // What is no finite number shows in the loss; here it would take the other rows with it.
  classWeights.forEach((weight, k) => {
    const share = y[k] ?? Number.NaN;
    if (Number.isFinite(share)) sum.add(weight * share);
  });
  return sum.total();
}

function copyRow(array: Floats, r: number, to: Float64Array): void {
  for (let k = 0; k < to.length; k++) to[k] = array[r * to.length + k] ?? Number.NaN;
}

/** Copies the row's target to `y`; a label y is the soft target that is 1 at y. */
function readTarget({ labels, target }: RowCall, r: number, y: Float64Array): void {
  if (labels === undefined) copyRow(target, r, y);
  else y.fill(0)[labels[r] ?? Number.NaN] = 1;
}
