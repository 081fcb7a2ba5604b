/** The engine of the reference for losses of rows: plain loops over a plain formula, in double precision throughout. */

import { EACH, GRAD, HESS, SUM } from "../../assembly/want.js";
import { like } from "../arrays.js";
import type { Floats, RowCall, RowEngine } from "../engine.js";
import { Sum } from "./engine.js";
import type { Asked, RowFormula } from "./formula.js";

export function plainRows<P>(formula: RowFormula<P>, parametersOf: (call: RowCall) => P): RowEngine {
  return { open, sweep };

  function sweep(call: RowCall, want: number): number {
    const { prediction, rows, length, scale, unit } = call;
    const { both } = call.spec;
    const value = want & EACH ? (call.value ?? like(prediction, rows)) : undefined;
    const grad = want & GRAD ? (call.grad ?? like(prediction)) : undefined;
    const hess = want & HESS ? (call.hess ?? like(prediction)) : undefined;
    const gradOther = want & GRAD && both ? (call.gradOther ?? like(prediction)) : undefined;
    const hessOther = want & HESS && both ? (call.hessOther ?? like(prediction)) : undefined;
    const lossOf = formula(length, parametersOf(call));
    // Copies, as the gradients may take the place of both rows.
    const x = new Float64Array(length);
    const y = new Float64Array(length);
    const roomFor = (output: Floats | undefined) => output && new Float64Array(length);
    const asked: Asked = {
      value: (want & (SUM | EACH)) !== 0,
      grad: roomFor(grad),
      hess: roomFor(hess),
      gradOther: roomFor(gradOther),
      hessOther: roomFor(hessOther),
    };
    const sum = new Sum();
    for (let r = 0; r < rows; r++) {
      const counts = countsRow(call, r);
      const weight = counts ? weightOf(call, r) * unit : 0;
      let own = 0;
      if (counts) {
        copyRow(prediction, r, x);
        readTarget(call, r, y);
        own = weight * lossOf(x, y, asked);
      }
      if (want & SUM) sum.add(own);
      if (value !== undefined) value[r] = own;
      store(grad, r, asked.grad, counts, weight * scale);
      store(hess, r, asked.hess, counts, weight * scale);
      store(gradOther, r, asked.gradOther, counts, weight * scale);
      store(hessOther, r, asked.hessOther, counts, weight * scale);
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
  if (spec.predictions) refuse(call, "prediction", negative(prediction));
  if (labels) {
    const isClass = (label: number) => Number.isInteger(label) && label >= 0 && label < length;
    const at = labels.findIndex((label) => label !== ignore && !isClass(label));
    refuse(call, "labels", at);
  } else if (spec.targets) {
    refuse(call, "target", negative(target));
  }
  if (weights) {
    const at = weights.findIndex((weight) => !(weight >= 0 && weight < Infinity));
    refuse(call, "weights", at);
  }
  if (call.fault !== undefined) return Number.NaN;
  const sum = new Sum();
  for (let r = 0; r < call.rows; r++) if (countsRow(call, r)) sum.add(weightOf(call, r) * classWeightOf(call, r));
  return sum.total();
}

/** Leaves the first fault that was found; none is at −1. */
function refuse(call: RowCall, name: "prediction" | "target" | "labels" | "weights", at: number): void {
  if (at < 0 || call.fault !== undefined) return;
  call.fault = name;
  call.at = at;
}

/** Where the first number below 0 is, or −1. */
function negative(array: Floats): number {
  for (let k = 0; k < array.length; k++) if ((array[k] ?? Number.NaN) < 0) return k;
  return -1;
}

function weightOf({ weights }: RowCall, r: number): number {
  return weights === undefined ? 1 : (weights[r] ?? 0);
}

function countsRow(call: RowCall, r: number): boolean {
  return weightOf(call, r) !== 0 && (call.labels === undefined || call.labels[r] !== call.ignore);
}

/** w_y of a label, Σ w_c y_c of a soft target. */
function classWeightOf({ labels, target, length, classWeights }: RowCall, r: number): number {
  if (classWeights === undefined) return 1;
  if (labels !== undefined) return classWeights[labels[r] ?? Number.NaN] ?? Number.NaN;
  const sum = new Sum();
  for (let k = 0; k < length; k++) {
    const share = target[r * length + k] ?? Number.NaN;
    // What is no finite number shows in the loss; here it would take the other rows with it.
    if (Number.isFinite(share)) sum.add((classWeights[k] ?? Number.NaN) * share);
  }
  return sum.total();
}

function copyRow(array: Floats, r: number, to: Float64Array): void {
  const from = r * to.length;
  for (let k = 0; k < to.length; k++) to[k] = array[from + k] ?? Number.NaN;
}

/** Copies the row's target to `y`; a label y is the soft target that is 1 at y. */
function readTarget({ labels, target }: RowCall, r: number, y: Float64Array): void {
  if (labels === undefined) {
    copyRow(target, r, y);
    return;
  }
  const label = labels[r];
  for (let k = 0; k < y.length; k++) y[k] = k === label ? 1 : 0;
}

/** Multiplies a row's derivative by its weight; that of a row that does not count is 0. */
function store(
  into: Floats | undefined,
  r: number,
  derivative: Float64Array | undefined,
  counts: boolean,
  factor: number,
): void {
  if (into === undefined || derivative === undefined) return;
  const from = r * derivative.length;
  if (!counts) into.fill(0, from, from + derivative.length);
  else for (let k = 0; k < derivative.length; k++) into[from + k] = factor * (derivative[k] ?? Number.NaN);
}
