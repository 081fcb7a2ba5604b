/** Makes a spec callable: checks, messages, reductions. */
import { GRAD, HESS, SUM } from "../assembly/want.js";
import { floats, matchLength, output, refuse, show } from "./arrays.js";
import { type Call, type Engine, type Floats, JOB, type Job } from "./engine.js";
import {
  common,
  frozen,
  isTuned,
  optionsOf,
  outOf,
  parameter,
  type Rule,
  reductionOf,
  rounded,
  rulesOf,
} from "./options.js";
import { runSum, weigh } from "./reduce.js";
import type { Spec } from "./spec.js";
import { fromTotal } from "./total.js";
import type { Loss, Reduction, Total } from "./types.js";

/** The loss of a spec on an engine. */
export function define<P extends object>(data: Spec<P>, engine: Engine): Loss<P> {
  const spec = settled(data);
  const rules = rulesOf(data.parameters);
  const usual = usualOf(rules);
  const known = [...rules.map((rule) => rule.name), ...common];

  /** Carries the call out and returns the reduced value; its outputs are left in the call. */
  function run(want: number, prediction: unknown, target: unknown, options: unknown): number {
    return carryOut(want, prepare(spec, rules, usual, known, prediction, target, options));
  }

  function carryOut(want: number, reduction: Reduction): number {
    each = reduction === "none";
    const value = spec.root ? runRoot(engine, want, open(engine)) : runSum(engine, call, open(engine), want, reduction);
    release(want);
    return value;
  }

  function carryTotalOut(): Total {
    const weight = open(engine);
    const sum = spec.root ? rootSum(engine, weight) : engine.sweep(call, SUM);
    release(0);
    return { sum, weight };
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
      prepare(spec, rules, usual, known, prediction, target, options);
      return carryTotalOut();
    },
    fromTotal(total: Total): number {
      return fromTotal(spec, total);
    },
    parameters: frozen(data.parameters),
    formula: spec.formula,
    source: spec.source,
  };
  const { modules } = engine;
  if (modules !== undefined) {
    Object.defineProperty(loss, JOB, {
      value(prediction: unknown, target: unknown, options: unknown): Job {
        const reduction = prepare(spec, rules, usual, known, prediction, target, options);
        const own = { ...call };
        release(0);
        const made = modules();
        return {
          kind: made.kind,
          call: own,
          reduction,
          modules: made,
          run(want) {
            Object.assign(call, own);
            const value = carryOut(want, reduction);
            Object.assign(own, { value: take("value"), grad: take("grad"), hess: take("hess") });
            return value;
          },
          total() {
            Object.assign(call, own);
            return carryTotalOut();
          },
        };
      },
    });
  }
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
  rounds: undefined,
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
  usual: Usual,
  known: readonly string[],
  prediction: unknown,
  target: unknown,
  options: unknown,
): Reduction {
  // Options may be getters, which may do anything: all are read before an array is looked at.
  const loss = spec.name;
  const given = optionsOf(loss, known, options);
  const tuned = rules.length > 0 && isTuned(given);
  const a = tuned ? parameter(loss, rules[0], given) : usual.a;
  const b = tuned ? parameter(loss, rules[1], given) : usual.b;
  const c = tuned ? parameter(loss, rules[2], given) : usual.c;
  const reduction = reductionOf(spec, given?.reduction);
  const givenWeights = given?.weights;
  const out = outOf(loss, given?.out);
  const givenValue = out?.value;
  const givenGrad = out?.grad;
  const givenHess = out?.hess;

  const before = isObject(givenGrad) ? fits.get(givenGrad) : undefined;
  const again =
    before !== undefined &&
    before.prediction === prediction &&
    before.target === target &&
    before.weights === givenWeights &&
    before.value === givenValue &&
    before.hess === givenHess &&
    isStill(before);
  const fit = again ? before : fitOf(loss, prediction, target, givenWeights, givenValue, givenGrad, givenHess);
  const { value } = fit;
  if (value !== undefined && reduction !== "none") {
    throw new TypeError(`${loss}: out.value must be left out where the value is a number, got ${show(value)}`);
  }

  call.spec = spec;
  call.prediction = fit.prediction;
  call.target = fit.target;
  call.weights = fit.weights;
  call.value = value;
  call.grad = fit.grad;
  call.hess = fit.hess;
  call.unit = 1;
  call.fault = undefined;
  call.a = a;
  call.b = b;
  call.c = c;
  if (rules.length > 0 && fit.prediction.BYTES_PER_ELEMENT === 4) {
    call.a = tuned ? rounded(a, rules[0]) : usual.single.a;
    call.b = tuned ? rounded(b, rules[1]) : usual.single.b;
    call.c = tuned ? rounded(c, rules[2]) : usual.single.c;
  }
  return reduction;
}

/** Parameters that are not given, for f64 and for f32. */
interface Usual extends Pick<Call, "a" | "b" | "c"> {
  readonly single: Pick<Call, "a" | "b" | "c">;
}

function usualOf([first, second, third]: readonly Rule[]): Usual {
  const [a, b, c] = [first?.usual ?? 0, second?.usual ?? 0, third?.usual ?? 0];
  return { a, b, c, single: { a: rounded(a, first), b: rounded(b, second), c: rounded(c, third) } };
}

function isObject(thing: unknown): thing is object {
  return typeof thing === "object" && thing !== null;
}

/** Arrays that go together: of one type and length, no output over another. */
interface Fit extends Pick<Call, "prediction" | "target" | "weights" | "value" | "grad" | "hess"> {
  readonly n: number;
}

/** What a gradient's buffer went with last: looking twice takes as long as a small call, and training loops reuse their arrays. */
const fits = new WeakMap<object, Fit>();

/** Buffers may have been detached or resized. */
function isStill({ prediction, target, weights, value, grad, hess, n }: Fit): boolean {
  if (prediction.length !== n || target.length !== n || grad?.length !== n) return false;
  if (weights !== undefined && weights.length !== n) return false;
  if (value === undefined && hess === undefined) return true;
  // Of several outputs none may turn out to be gone when another is written; `length` alone may be an old one: see `refuseDetached`.
  if (grad.byteLength === 0 || value?.byteLength === 0 || hess?.byteLength === 0) return false;
  return (value === undefined || value.length === n) && (hess === undefined || hess.length === n);
}

/** The arrays, if they go together, or an error. */
function fitOf(
  loss: string,
  prediction: unknown,
  target: unknown,
  givenWeights: unknown,
  givenValue: unknown,
  givenGrad: unknown,
  givenHess: unknown,
): Fit {
  const x = floats(loss, "prediction", prediction);
  const y = floats(loss, "target", target, x);
  const n = x.length;
  matchLength(loss, "target", y, n);
  const weights = givenWeights === undefined ? undefined : floats(loss, "weights", givenWeights, x);
  if (weights !== undefined) matchLength(loss, "weights", weights, n);
  const value = output(loss, "out.value", givenValue, x);
  const grad = output(loss, "out.grad", givenGrad, x);
  const hess = output(loss, "out.hess", givenHess, x);
  const fit: Fit = { prediction: x, target: y, weights, value, grad, hess, n };
  refuseOverlaps(loss, fit);
  if (grad !== undefined && n > 0) fits.set(grad, fit);
  return fit;
}

/** No output may touch another array, but that the gradient may take the prediction's place. */
function refuseOverlaps(loss: string, { prediction, target, weights, value, grad, hess }: Fit): void {
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
}

/** Has the values checked, and returns the total weight. */
function open(engine: Engine): number {
  const weight = engine.open(call);
  const error = errorOf(call, weight);
  if (error === undefined) return weight;
  release(0);
  throw error;
}

/** What is wrong with the values of an opened call, if anything is. */
export function errorOf(opened: Call, weight: number): RangeError | undefined {
  if (opened.fault !== undefined) return fault(opened, opened.fault);
  if (weight < Infinity) return undefined;
  return new RangeError(`${opened.spec.name}: weights must have a finite sum, got ${weight}`);
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

/** Means of squares outside the least and Infinity are found anew, with the squares of multiples. */
export const single = { least: 2 ** -100, down: 2 ** -66, up: [2 ** 80, 2 ** 120] };
export const double = { least: 2 ** -900, down: 2 ** -560, up: [2 ** 500, 2 ** 1000] };

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
    call.a = power;
    setRoot(call, total, root);
    engine.sweep(call, want & HESS ? SUM | GRAD | HESS : GRAD);
  }
  return root / power;
}

/** Tells a call of `total` weight the root of its mean, for its derivatives. */
export function setRoot(opened: Call, total: number, root: number): void {
  const fits = root === 0 || total === 0;
  opened.b = fits ? 0 : 1 / root;
  opened.scale = fits ? 0 : 1 / (total * root);
}
