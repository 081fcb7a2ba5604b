/** Makes a spec callable: checks, messages, reductions. */
import { EACH, GRAD, HESS, SUM } from "../assembly/want.js";
import { elements, floats, output, refuseDetached, show } from "./arrays.js";
import type { Call, Engine, Floats } from "./engine.js";
import type { Parameter, Spec } from "./spec.js";
import { fromTotal } from "./total.js";
import type { Loss, Reduction, Total } from "./types.js";

/** The loss of a spec on an engine. */
export function define<P extends object>(data: Spec<P>, engine: Engine): Loss<P> {
  const spec = settled(data);
  const rules = rulesOf(data.parameters);

  /** Carries the call out and returns the reduced value; its outputs are left in the call. */
  function run(want: number, prediction: unknown, target: unknown, options: unknown): number {
    const reduction = prepare(spec, rules, prediction, target, options);
    const value = spec.root ? runRoot(engine, want, open(engine)) : runSum(engine, want, reduction);
    release();
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
      prepare(spec, rules, prediction, target, options);
      const weight = open(engine);
      const sum = spec.root ? rootSum(engine, weight) : engine.sweep(call, SUM);
      release();
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

/** Lets go of the caller's arrays. */
function release(): void {
  call.prediction = none;
  call.target = none;
  call.weights = undefined;
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
  prediction: unknown,
  target: unknown,
  options: unknown,
): Reduction {
  // Options may be getters, which may do anything: all are read before an array is looked at.
  const loss = spec.name;
  const given = optionsOf(spec, rules, options);
  const a = parameter(spec, rules[0], given);
  const b = parameter(spec, rules[1], given);
  const c = parameter(spec, rules[2], given);
  const reduction = reductionOf(spec, given?.reduction);
  const givenWeights = given?.weights;
  const out = outOf(loss, given?.out);
  const givenValue = out?.value;
  const givenGrad = out?.grad;
  const givenHess = out?.hess;

  const x = floats(loss, "prediction", prediction);
  const y = floats(loss, "target", target, x);
  matchLength(loss, "target", y, x);
  const weights = givenWeights === undefined ? undefined : floats(loss, "weights", givenWeights, x);
  if (weights !== undefined) matchLength(loss, "weights", weights, x);
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

/** To f32. What is positive stays so, a loss may divide by it, and what is finite too. */
function rounded(value: number, rule: Rule | undefined): number {
  const near = Math.fround(value);
  if (value > 0 && near === 0) return 2 ** -149;
  return near === Infinity && rule?.finite ? 3.4028234663852886e38 : near;
}

function matchLength(loss: string, name: string, array: Floats, prediction: Floats): void {
  if (array.length === prediction.length) return;
  refuseDetached(loss, "prediction", prediction);
  refuseDetached(loss, name, array);
  throw new RangeError(
    `${loss}: ${name} must have ${elements(prediction.length)} like prediction, got ${array.length}`,
  );
}

type Given = Readonly<Record<string, unknown>>;

/** A parameter with every bound in its place. */
interface Rule {
  readonly name: string;
  readonly usual: number;
  readonly above: number;
  readonly from: number;
  readonly below: number;
  readonly to: number;
  readonly finite: boolean;
  readonly nullable: boolean;
}

function optionsOf(spec: Spec, rules: readonly Rule[], options: unknown): Given | undefined {
  if (options === undefined) return undefined;
  if (!isRecord(options)) throw new TypeError(`${spec.name}: options must be an object, got ${show(options)}`);
  for (const name in options) {
    if (name === "reduction" || name === "weights" || name === "out" || isParameter(rules, name)) continue;
    const known = [...rules.map((rule) => rule.name), "reduction", "weights", "out"].join(", ");
    throw new TypeError(`${spec.name}: unknown option ${show(name)}; the options are ${known}`);
  }
  return options;
}

function isParameter(rules: readonly Rule[], name: string): boolean {
  for (const rule of rules) if (rule.name === name) return true;
  return false;
}

function isRecord(thing: unknown): thing is Given {
  return typeof thing === "object" && thing !== null && !Array.isArray(thing) && !ArrayBuffer.isView(thing);
}

function frozen<P extends Readonly<Record<string, Parameter>>>(parameters: P): P {
  for (const parameter of Object.values(parameters)) Object.freeze(parameter);
  return Object.freeze(parameters);
}

function rulesOf(parameters: Readonly<Record<string, Parameter>>): readonly Rule[] {
  return Object.entries(parameters).map(([name, rule]) => ({
    name,
    usual: rule.default ?? Number.NaN,
    above: rule.above ?? -Infinity,
    from: rule.from ?? -Infinity,
    below: rule.below ?? Infinity,
    to: rule.to ?? Infinity,
    finite: rule.to !== Infinity,
    nullable: rule.off !== undefined,
  }));
}

function parameter(spec: Spec, rule: Rule | undefined, given: Given | undefined): number {
  if (rule === undefined) return 0;
  const asked = given?.[rule.name];
  if (asked === undefined) return rule.usual;
  return asked === null && rule.nullable ? Number.NaN : check(spec, rule, asked);
}

function check(spec: Spec, rule: Rule, value: unknown): number {
  const { name, above, from, below, to, finite, nullable } = rule;
  if (typeof value !== "number") {
    throw new TypeError(`${spec.name}: ${name} must be a number${nullable ? " or null" : ""}, got ${show(value)}`);
  }
  const within = value > above && value >= from && value <= to && (value < below || !finite);
  if (!within) throw new RangeError(`${spec.name}: ${name} must be ${range(rule)}, got ${value}`);
  return value;
}

function range({ above, from, below, to, finite }: Rule): string {
  if (above !== -Infinity) return finite ? `finite and greater than ${above}` : `greater than ${above}`;
  if (below !== Infinity) return `at least ${from} and less than ${below}`;
  return to === Infinity ? `finite and at least ${from}` : `in [${from}, ${to}]`;
}

function reductionOf(spec: Spec, reduction: unknown): Reduction {
  if (reduction === undefined || reduction === "mean") return "mean";
  if (!spec.root && (reduction === "sum" || reduction === "none")) return reduction;
  const choice = spec.root ? '"mean"' : '"mean", "sum" or "none"';
  const message = `${spec.name}: reduction must be ${choice}, got ${show(reduction)}`;
  throw typeof reduction === "string" ? new RangeError(message) : new TypeError(message);
}

function outOf(loss: string, out: unknown): Given | undefined {
  if (out === undefined) return undefined;
  if (!isRecord(out)) throw new TypeError(`${loss}: out must be an object, got ${show(out)}`);
  for (const name in out) {
    if (name === "value" || name === "grad" || name === "hess") continue;
    throw new TypeError(`${loss}: unknown output ${show(name)} in out; the outputs are value, grad, hess`);
  }
  return out;
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

/** `memory` is the output's buffer. */
function refuse(
  loss: string,
  name: string,
  array: Floats,
  memory: ArrayBufferLike,
  other: string,
  taken: Floats | undefined,
): void {
  if (taken === undefined || taken.buffer !== memory) return;
  const start = array.byteOffset;
  const end = start + array.byteLength;
  if (taken.byteOffset >= end || start >= taken.byteOffset + taken.byteLength) return;
  throw new RangeError(`${loss}: ${name} must not overlap ${other}`);
}

/** Has the values checked, and returns the total weight. */
function open(engine: Engine): number {
  const weight = engine.open(call);
  if (call.fault === undefined && weight < Infinity) return weight;
  const error =
    call.fault === undefined
      ? new RangeError(`${call.spec.name}: weights must have a finite sum, got ${weight}`)
      : fault(call, call.fault);
  release();
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

/** The mean or sum of the losses; with "none", nothing, but one value per element. */
function runSum(engine: Engine, want: number, reduction: Reduction): number {
  const weight = open(engine);
  each = reduction === "none";
  if (reduction !== "mean") {
    call.scale = 1;
    return engine.sweep(call, each && want & SUM ? (want ^ SUM) | EACH : want);
  }
  const total = weigh(weight);
  call.scale = total === 0 ? 0 : 1 / total;
  const sum = engine.sweep(call, want);
  return total === 0 ? Number.NaN : sum / total;
}

/**
 * Chooses the weights' unit for a mean, a power of two that their total is near to where it is extreme, so that its inverse and the
 * weighted losses are normal numbers; returns the total in that unit.
 */
function weigh(weight: number): number {
  if (weight === 0 || (weight > 2 ** -100 && weight < 2 ** 100)) return weight;
  const most = call.prediction.BYTES_PER_ELEMENT === 4 ? 126 : 1000;
  call.unit = 2 ** -Math.max(-most, Math.min(most, Math.round(Math.log2(weight))));
  return weight * call.unit;
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
  each = false;
  const total = weigh(weight);
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
