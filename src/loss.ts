/** Makes a spec callable: checks, messages, reductions. */
import { GRAD, HESS, SUM } from "../assembly/want.js";
import { floats, matchLength, output, refuse, show } from "./arrays.js";
import type { Call, Engine, Floats } from "./engine.js";
import { common, frozen, optionsOf, outOf, parameter, type Rule, reductionOf, rounded, rulesOf } from "./options.js";
import { runSum, weigh } from "./reduce.js";
import type { Spec } from "./spec.js";
import { fromTotal } from "./total.js";
import type { Loss, Reduction, Total } from "./types.js";

/** The loss of a spec on an engine. */
export function define<P extends object>(data: Spec<P>, engine: Engine): Loss<P> {
  const spec = settled(data);
  const rules = rulesOf(data.parameters);
  const known = [...rules.map((rule) => rule.name), ...common];

  /** Carries the call out and returns the reduced value; its outputs are left in the call. */
  function run(want: number, prediction: unknown, target: unknown, options: unknown): number {
    const reduction = prepare(spec, rules, known, prediction, target, options);
    each = reduction === "none";
    const value = spec.root ? runRoot(engine, want, open(engine)) : runSum(engine, call, open(engine), want, reduction);
    release(want);
    return value;
  }

  function loss(prediction: unknown, target: unknown, options?: unknown): number | Floats {
    const value = run(SUM, prediction, target, options);
    return each ? take("value") : value;
  }
  Object.defineProperty(loss, "name", { value: spec.name });

  const members = {
    grad(prediction: unknown, target: unknown, options?: unknown): Floats {
      run(GRAD, prediction, target, options);
      return take("grad");
    },
    valueAndGrad(prediction: unknown, target: unknown, options?: unknown): { value: number | Floats; grad: Floats } {
      const value = run(SUM | GRAD, prediction, target, options);
      return { value: each ? take("value") : value, grad: take("grad") };
    },
    valueGradHess(
      prediction: unknown,
      target: unknown,
      options?: unknown,
    ): { value: number | Floats; grad: Floats; hess: Floats } {
      const value = run(SUM | GRAD | HESS, prediction, target, options);
      return { value: each ? take("value") : value, grad: take("grad"), hess: take("hess") };
    },
    total(prediction: unknown, target: unknown, options?: unknown): Total {
      prepare(spec, rules, known, prediction, target, options);
      const weight = open(engine);
      const sum = spec.root ? rootSum(engine, weight) : engine.sweep(call, SUM);
      release(0);
      return { sum, weight };
    },
    fromTotal(total: Total): number {
      return fromTotal(spec, total);
    },
    parameters: frozen(data.parameters),
    formula: spec.formula,
    source: spec.source,
  };
  // One body serves the overloads; what each of them returns is theirs to say.
  return Object.assign(loss, members) as unknown as Loss<P>;
}

/** The spec with every field in its place: engines read objects of one shape several times as fast. */
function settled({
  name,
  formula,
  gradient,
  hessian,
  source,
  parameters,
  predictions,
  targets,
  labels,
  root,
}: Spec): Spec {
  return { name, formula, gradient, hessian, source, parameters, predictions, targets, labels, root };
}

const none = new Float32Array(0);

/** The call under way. Losses do not call each other, and read every option before they begin. */
const call: Call = {
  spec: { name: "", formula: "", gradient: "", hessian: "", source: "", parameters: {} },
  prediction: none,
  target: none,
  weights: undefined,
  a: 0,
  b: 0,
  c: 0,
  scale: 1,
  unit: 1,
  value: undefined,
  grad: undefined,
  hess: undefined,
  fault: undefined,
  at: 0,
};

/** Whether the value is one per element. */
let each = false;

/** Lets go of the caller's arrays, but for the outputs that are wanted, which are taken next. */
function release(want: number): void {
  call.prediction = none;
  call.target = none;
  call.weights = undefined;
  if (!(want & SUM && each)) call.value = undefined;
  if (!(want & GRAD)) call.grad = undefined;
  if (!(want & HESS)) call.hess = undefined;
}

/** An output of the call, which keeps no hold of it. */
function take(name: "value" | "grad" | "hess"): Floats {
  const array = call[name] ?? none;
  call[name] = undefined;
  return array;
}

/** Fills the call in, or throws; nothing has been written then. */
function prepare(
  spec: Spec,
  rules: readonly Rule[],
  known: readonly string[],
  prediction: unknown,
  target: unknown,
  options: unknown,
): Reduction {
  // Options may be getters, which may do anything: all are read before an array is looked at.
  const loss = spec.name;
  const given = optionsOf(loss, known, options);
  const a = parameter(loss, rules[0], given);
  const b = parameter(loss, rules[1], given);
  const c = parameter(loss, rules[2], given);
  const reduction = reductionOf(spec, given?.reduction);
  const givenWeights = given?.weights;
  const out = outOf(loss, given?.out);
  const givenValue = out?.value;
  const givenGrad = out?.grad;
  const givenHess = out?.hess;

  const x = floats(loss, "prediction", prediction);
  const y = floats(loss, "target", target, x);
  matchLength(loss, "target", y, x.length);
  const weights = givenWeights === undefined ? undefined : floats(loss, "weights", givenWeights, x);
  if (weights !== undefined) matchLength(loss, "weights", weights, x.length);
  const value = output(loss, "out.value", givenValue, x);
  const grad = output(loss, "out.grad", givenGrad, x);
  const hess = output(loss, "out.hess", givenHess, x);
  if (value !== undefined && reduction !== "none") {
    throw new TypeError(`${loss}: out.value must be left out where the value is a number, got ${show(value)}`);
  }

  const narrow = x.BYTES_PER_ELEMENT === 4;
  call.spec = spec;
  call.prediction = x;
  call.target = y;
  call.weights = weights;
  call.a = narrow ? rounded(a, rules[0]) : a;
  call.b = narrow ? rounded(b, rules[1]) : b;
  call.c = narrow ? rounded(c, rules[2]) : c;
  call.value = value;
  call.grad = grad;
  call.hess = hess;
  call.unit = 1;
  call.fault = undefined;
  if (out !== undefined) refuseOverlaps(loss);
  return reduction;
}

/** What a gradient's buffer was last found apart from: buffers take 35 ns each to ask for, and training loops reuse their arrays. */
const apart = new WeakMap<Floats, Pick<Call, "prediction" | "target" | "weights" | "value" | "hess"> & { n: number }>();

/** No output may touch another array, but that the gradient may take the prediction's place. */
function refuseOverlaps(loss: string): void {
  const { prediction, target, weights, value, grad, hess } = call;
  const known = grad && apart.get(grad);
  const inputs = known?.prediction === prediction && known.target === target && known.weights === weights;
  if (inputs && known.value === value && known.hess === hess && known.n === prediction.length) return;
  if (value !== undefined) {
    const memory = value.buffer;
    refuse(loss, "out.value", value, memory, "prediction", prediction);
    refuse(loss, "out.value", value, memory, "target", target);
    refuse(loss, "out.value", value, memory, "weights", weights);
  }
  if (grad !== undefined) {
    const memory = grad.buffer;
    if (grad.byteOffset !== prediction.byteOffset) refuse(loss, "out.grad", grad, memory, "prediction", prediction);
    refuse(loss, "out.grad", grad, memory, "target", target);
    refuse(loss, "out.grad", grad, memory, "weights", weights);
    refuse(loss, "out.grad", grad, memory, "out.value", value);
  }
  if (hess !== undefined) {
    const memory = hess.buffer;
    refuse(loss, "out.hess", hess, memory, "prediction", prediction);
    refuse(loss, "out.hess", hess, memory, "target", target);
    refuse(loss, "out.hess", hess, memory, "weights", weights);
    refuse(loss, "out.hess", hess, memory, "out.value", value);
    refuse(loss, "out.hess", hess, memory, "out.grad", grad);
  }
  if (grad !== undefined) apart.set(grad, { prediction, target, weights, value, hess, n: prediction.length });
}

/** Has the values checked, and returns the total weight. */
function open(engine: Engine): number {
  const weight = engine.open(call);
  if (call.fault === undefined && weight < Infinity) return weight;
  const error =
    call.fault === undefined
      ? new RangeError(`${call.spec.name}: weights must have a finite sum, got ${weight}`)
      : fault(call, call.fault);
  release(0);
  throw error;
}

function fault({ spec, at, weights, prediction, target }: Call, name: "prediction" | "target" | "weights"): RangeError {
  if (name === "weights")
    return new RangeError(`${spec.name}: weights must be finite and at least 0, got ${weights?.[at]} at ${at}`);
  if (name === "target" && spec.labels)
    return new RangeError(`${spec.name}: target ${target[at]} at ${at} is not 0 or 1`);
  const [low, high] = (name === "target" ? spec.targets : spec.predictions) ?? [];
  const value = name === "target" ? target[at] : prediction[at];
  return new RangeError(`${spec.name}: ${name} ${value} at ${at} is outside [${low}, ${high}]`);
}

/** The mean of (power · e)², where the power of two is 1 unless the squares leave the normal numbers. */
function rootMean(engine: Engine, weight: number): { mean: number; power: number } {
  const { least, down, up } = call.prediction.BYTES_PER_ELEMENT === 4 ? single : double;
  let found = meanAt(engine, weight, 1);
  if (found.mean === Infinity) return meanAt(engine, weight, down);
  for (const power of up) if (found.mean < least) found = meanAt(engine, weight, power);
  return found;
}

const single = { least: 2 ** -100, down: 2 ** -66, up: [2 ** 80, 2 ** 120] };
const double = { least: 2 ** -900, down: 2 ** -560, up: [2 ** 500, 2 ** 1000] };

function meanAt(engine: Engine, weight: number, power: number): { mean: number; power: number } {
  call.a = power;
  return { mean: engine.sweep(call, SUM) / weight, power };
}

/** Σ we², beyond the range of squares of one element too. */
function rootSum(engine: Engine, weight: number): number {
  const { mean, power } = rootMean(engine, weight);
  return weight === 0 ? 0 : (mean * weight) / power / power;
}

/** A root needs its sum before its derivatives: two passes. */
function runRoot(engine: Engine, want: number, weight: number): number {
  const total = weigh(call, weight);
  const { mean, power } = rootMean(engine, total);
  const root = Math.sqrt(mean);
  if (want & GRAD) {
    const fits = root === 0 || total === 0;
    call.a = power;
    call.b = fits ? 0 : 1 / root;
    call.scale = fits ? 0 : 1 / (total * root);
    engine.sweep(call, want & HESS ? SUM | GRAD | HESS : GRAD);
  }
  return root / power;
}
