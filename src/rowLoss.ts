/** Makes the spec of a row loss callable: checks, messages, reductions. */
import { GRAD, HESS, SUM } from "../assembly/want.js";
import { floats, isLike, labels, matchLength, output, refuse, show } from "./arrays.js";
import { type Floats, JOB, type Job, type RowCall, type RowEngine } from "./engine.js";
import {
  common,
  frozen,
  type Given,
  isRecord,
  optionsOf,
  outOf,
  parameter,
  type Rule,
  reductionOf,
  rounded,
  rulesOf,
} from "./options.js";
import { runSum } from "./reduce.js";
import type { RowSpec } from "./spec.js";
import { fromTotal } from "./total.js";
import type { Reduction, Total } from "./types.js";

/** By the prediction, or by each array under its name. */
type Derivative = Floats | Readonly<Record<string, Floats>>;

/** The loss of a spec on an engine; what its overloads are, its public type says. */
export function defineRows<L, P extends object>(data: RowSpec<P>, engine: RowEngine): L {
  const spec: RowSpec = data;
  const rules = rulesOf(data.parameters);
  const ofLabels = spec.labels ? ["classWeights", "ignoreIndex"] : [];
  const known = [spec.length, ...ofLabels, ...rules.map((rule) => rule.name), ...common];
  const titles = titlesOf(spec);

  /** Carries the call out and returns the reduced value; its outputs are left in the call. */
  function run(want: number, prediction: unknown, target: unknown, options: unknown): number {
    return carryOut(want, prepare(spec, rules, known, titles, prediction, target, options));
  }

  function carryOut(want: number, reduction: Reduction): number {
    each = reduction === "none";
    let left = 0;
    try {
      const value = runSum(engine, call, open(engine), want, reduction);
      left = want;
      return value;
    } finally {
      release(left);
    }
  }

  function carryTotalOut(): Total {
    try {
      const weight = open(engine);
      return { sum: engine.sweep(call, SUM), weight };
    } finally {
      release(0);
    }
  }

  function loss(prediction: unknown, target: unknown, options?: unknown): number | Floats {
    const value = run(SUM, prediction, target, options);
    return each ? take("value") : value;
  }
  Object.defineProperty(loss, "name", { value: spec.name });

  const members = {
    grad(prediction: unknown, target: unknown, options?: unknown): Derivative {
      run(GRAD, prediction, target, options);
      return takeGrad(spec);
    },
    valueAndGrad(
      prediction: unknown,
      target: unknown,
      options?: unknown,
    ): { value: number | Floats; grad: Derivative } {
      const value = run(SUM | GRAD, prediction, target, options);
      return { value: each ? take("value") : value, grad: takeGrad(spec) };
    },
    valueGradHess(
      prediction: unknown,
      target: unknown,
      options?: unknown,
    ): { value: number | Floats; grad: Derivative; hess: Derivative } {
      const value = run(SUM | GRAD | HESS, prediction, target, options);
      return { value: each ? take("value") : value, grad: takeGrad(spec), hess: takeHess(spec) };
    },
    total(prediction: unknown, target: unknown, options?: unknown): Total {
      prepare(spec, rules, known, titles, prediction, target, options);
      return carryTotalOut();
    },
    fromTotal(total: Total): number {
      return fromTotal(spec, total);
    },
    kind: spec.labels ? "labels" : spec.length,
    parameters: frozen(data.parameters),
    formula: spec.formula,
    source: spec.source,
  };
  const { modules } = engine;
  if (modules !== undefined) {
    Object.defineProperty(loss, JOB, {
      value(prediction: unknown, target: unknown, options: unknown): Job {
        const reduction = prepare(spec, rules, known, titles, prediction, target, options);
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
            Object.assign(own, { gradOther: take("gradOther"), hessOther: take("hessOther") });
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
  return Object.assign(loss, members) as unknown as L;
}

const none = new Float32Array(0);

/** The call under way. Losses do not call each other, and read every option before they begin. */
const call: RowCall = {
  spec: {
    name: "",
    formula: "",
    gradient: "",
    hessian: "",
    source: "",
    parameters: {},
    arrays: ["", ""],
    length: "classes",
  },
  rows: 0,
  length: 1,
  prediction: none,
  target: none,
  labels: undefined,
  ignore: Number.NaN,
  weights: undefined,
  classWeights: undefined,
  a: 0,
  scale: 1,
  unit: 1,
  classUnit: 1,
  value: undefined,
  grad: undefined,
  hess: undefined,
  gradOther: undefined,
  hessOther: undefined,
  fault: undefined,
  at: 0,
  rounds: undefined,
};

/** Whether the value is one per row. */
let each = false;

/** Lets go of the caller's arrays, but for the outputs that are wanted, which are taken next. */
function release(want: number): void {
  call.prediction = none;
  call.target = none;
  call.labels = undefined;
  call.weights = undefined;
  call.classWeights = undefined;
  if (!(want & SUM && each)) call.value = undefined;
  if (!(want & GRAD)) call.grad = call.gradOther = undefined;
  if (!(want & HESS)) call.hess = call.hessOther = undefined;
}

/** An output of the call, which keeps no hold of it. */
function take(name: "value" | "grad" | "hess" | "gradOther" | "hessOther"): Floats {
  const array = call[name] ?? none;
  call[name] = undefined;
  return array;
}

function takeGrad({ both, arrays: [xName, yName] }: RowSpec): Derivative {
  const grad = take("grad");
  return both ? { [xName]: grad, [yName]: take("gradOther") } : grad;
}

function takeHess({ both, arrays: [xName, yName] }: RowSpec): Derivative {
  const hess = take("hess");
  return both ? { [xName]: hess, [yName]: take("hessOther") } : hess;
}

/** Fills the call in, or throws; nothing has been written then. */
function prepare(
  spec: RowSpec,
  rules: readonly Rule[],
  names: readonly string[],
  titles: Titles,
  prediction: unknown,
  target: unknown,
  options: unknown,
): Reduction {
  // Options may be getters, which may do anything: all are read before an array is looked at.
  const loss = spec.name;
  const given = optionsOf(loss, names, options);
  const a = parameter(loss, rules[0], given);
  const reduction = reductionOf(spec, given?.reduction);
  const givenLength = lengthOf(spec, given?.[spec.length]);
  const givenWeights = given?.weights;
  const givenClassWeights = given?.classWeights;
  const ignore = ignoreOf(loss, given?.ignoreIndex);
  const out = outOf(loss, given?.out);
  const givenValue = out?.value;
  const [xName, yName] = spec.arrays;
  const grads = spec.both ? derivativesOf(spec, "out.grad", out?.grad) : undefined;
  const hesses = spec.both ? derivativesOf(spec, "out.hess", out?.hess) : undefined;
  const givenGrad = spec.both ? grads?.[xName] : out?.grad;
  const givenHess = spec.both ? hesses?.[xName] : out?.hess;
  const givenGradOther = grads?.[yName];
  const givenHessOther = hesses?.[yName];

  const x = floats(loss, xName, prediction);
  const indices = spec.labels ? labels(loss, target) : undefined;
  const y = indices === undefined ? targetsOf(spec, target, x) : none;
  const length = givenLength ?? lengthFrom(spec, x, indices?.length);
  if (x.length % length !== 0) {
    throw new RangeError(
      `${loss}: ${xName} must have a multiple of ${length} elements (${spec.length}), got ${x.length}`,
    );
  }
  const rows = x.length / length;
  if (indices !== undefined) matchLength(loss, yName, indices, rows, "(one per row)");
  else if (y.length !== x.length) matchTargets(spec, y, x.length, rows);
  if (indices === undefined && !Number.isNaN(ignore)) {
    throw new TypeError(`${loss}: ignoreIndex goes with class indices in an integer typed array, got soft targets`);
  }
  const weights = givenWeights === undefined ? undefined : floats(loss, "weights", givenWeights, x, xName);
  if (weights !== undefined) matchLength(loss, "weights", weights, rows, "(one per row)");
  // Of no rows without the option, nothing tells how many classes there are.
  const known = givenLength !== undefined || rows > 0;
  const classWeights = classWeightsOf(loss, givenClassWeights, x, known ? length : undefined);
  const value = output(loss, "out.value", givenValue, x, rows, "(one per row)");
  if (value !== undefined && reduction !== "none") {
    throw new TypeError(`${loss}: out.value must be left out where the value is a number, got ${show(value)}`);
  }
  const grad = output(loss, titles.grad, givenGrad, x, x.length, titles.like);
  const hess = output(loss, titles.hess, givenHess, x, x.length, titles.like);
  const gradOther = output(loss, titles.gradOther, givenGradOther, x, x.length, titles.like);
  const hessOther = output(loss, titles.hessOther, givenHessOther, x, x.length, titles.like);

  call.spec = spec;
  call.rows = rows;
  call.length = rows === 0 ? 1 : length;
  call.prediction = x;
  call.target = y;
  call.labels = indices;
  call.ignore = ignore;
  call.weights = weights;
  call.classWeights = classWeights;
  call.a = x.BYTES_PER_ELEMENT === 4 ? rounded(a, rules[0]) : a;
  call.value = value;
  call.grad = grad;
  call.hess = hess;
  call.gradOther = gradOther;
  call.hessOther = hessOther;
  call.unit = 1;
  call.classUnit = 1;
  call.fault = undefined;
  if (out !== undefined) refuseOverlaps(loss, titles, target, givenClassWeights);
  return reduction;
}

/** One per row, they may have been meant as labels. */
function matchTargets(
  { name, arrays: [xName, yName], labels }: RowSpec,
  y: Floats,
  length: number,
  rows: number,
): void {
  const hint = labels && y.length === rows ? " (class indices come in an integer typed array)" : "";
  matchLength(name, yName, y, length, `like ${xName}${hint}`);
}

function lengthOf(spec: RowSpec, length: unknown): number | undefined {
  if (length === undefined) return undefined;
  if (typeof length !== "number") {
    throw new TypeError(`${spec.name}: ${spec.length} must be a number, got ${show(length)}`);
  }
  if (Number.isInteger(length) && length >= 1) return length;
  throw new RangeError(`${spec.name}: ${spec.length} must be a whole number of at least 1, got ${length}`);
}

/** Of as many rows as there are labels. */
function lengthFrom({ name, length, arrays: [xName], labels }: RowSpec, x: Floats, rows: number | undefined): number {
  if (rows === undefined) {
    const why = labels
      ? "with soft targets; class indices come in an integer typed array, such as Int32Array"
      : "the length of a row";
    throw new TypeError(`${name}: ${length} must be given${labels ? " " : ", "}${why}`);
  }
  if (x.length === 0 && rows === 0) return 1;
  if (x.length > 0 && x.length % rows === 0) return x.length / rows;
  throw new RangeError(
    `${name}: ${xName} must have as many rows as there are labels (${rows}), got ${x.length} elements`,
  );
}

function ignoreOf(loss: string, ignoreIndex: unknown): number {
  if (ignoreIndex === undefined) return Number.NaN;
  if (typeof ignoreIndex !== "number") {
    throw new TypeError(`${loss}: ignoreIndex must be a number, got ${show(ignoreIndex)}`);
  }
  if (Number.isInteger(ignoreIndex)) return ignoreIndex;
  throw new RangeError(`${loss}: ignoreIndex must be a whole number, got ${ignoreIndex}`);
}

/** Soft targets, or what the spec's second array is. */
function targetsOf(spec: RowSpec, target: unknown, x: Floats): Floats {
  const [xName, yName] = spec.arrays;
  if (spec.labels && !isLike(target, x)) {
    const soft = `soft targets in a ${show(x)} like ${xName}`;
    throw new TypeError(
      `${spec.name}: ${yName} must be class indices in an integer typed array, or ${soft}, got ${show(target)}`,
    );
  }
  return floats(spec.name, yName, target, x, xName);
}

/** In the predictions' type, in which what is positive stays so. */
function classWeightsOf(loss: string, given: unknown, x: Floats, length: number | undefined): Floats | undefined {
  if (given === undefined) return undefined;
  const found = floats(loss, "classWeights", given);
  if (length !== undefined) matchLength(loss, "classWeights", found, length, "(one per class)");
  const weights = found.BYTES_PER_ELEMENT === x.BYTES_PER_ELEMENT ? found : converted(found);
  for (let k = 0; k < weights.length; k++) {
    const weight = weights[k] ?? Number.NaN;
    if (weight >= 0 && weight < Infinity) continue;
    throw new RangeError(`${loss}: classWeights must be finite and at least 0, got ${weight} at ${k}`);
  }
  return weights;
}

/** An array of one type as one of the other. */
function converted(array: Floats): Floats {
  if (array.BYTES_PER_ELEMENT === 4) return new Float64Array(array);
  return Float32Array.from(array, (weight) => (weight > 0 ? Math.max(weight, 2 ** -149) : weight));
}

/** The buffers for both derivatives, under the names of what they are by. */
function derivativesOf(
  { name: loss, arrays: [xName, yName] }: RowSpec,
  name: string,
  given: unknown,
): Given | undefined {
  if (given === undefined) return undefined;
  if (!isRecord(given)) {
    throw new TypeError(`${loss}: ${name} must be an object { ${xName}, ${yName} }, got ${show(given)}`);
  }
  for (const key in given) {
    if (key === xName || key === yName) continue;
    throw new TypeError(`${loss}: unknown output ${show(key)} in ${name}; the outputs are ${xName}, ${yName}`);
  }
  return given;
}

const outputs = ["value", "grad", "gradOther", "hess", "hessOther"] as const;

/** No output may touch another array, but that a gradient may take the place of what it is by; of what was converted, the caller's own. */
function refuseOverlaps(loss: string, titles: Titles, target: unknown, classWeights: unknown): void {
  const { prediction, spec } = call;
  const other = ArrayBuffer.isView(target) ? target : undefined;
  const perClass = ArrayBuffer.isView(classWeights) ? classWeights : undefined;
  for (let k = 0; k < outputs.length; k++) {
    const name = outputs[k] ?? "value";
    const array = call[name];
    if (array === undefined) continue;
    const memory = array.buffer;
    const title = titles[name];
    const inPlace = name === "grad" && array.byteOffset === prediction.byteOffset;
    const otherInPlace = name === "gradOther" && array.byteOffset === call.target.byteOffset;
    if (!inPlace) refuse(loss, title, array, memory, spec.arrays[0], prediction);
    if (!otherInPlace) refuse(loss, title, array, memory, spec.arrays[1], other);
    refuse(loss, title, array, memory, "weights", call.weights);
    refuse(loss, title, array, memory, "classWeights", perClass);
    for (let before = 0; before < k; before++) {
      const earlier = outputs[before] ?? "value";
      if (call[earlier] !== undefined) refuse(loss, title, array, memory, titles[earlier], call[earlier]);
    }
  }
}

/** What the caller calls the outputs, and what they are to be like. */
type Titles = Readonly<Record<(typeof outputs)[number] | "like", string>>;

function titlesOf({ both, arrays: [xName, yName] }: RowSpec): Titles {
  return {
    like: `like ${xName}`,
    value: "out.value",
    grad: both ? `out.grad.${xName}` : "out.grad",
    hess: both ? `out.hess.${xName}` : "out.hess",
    gradOther: `out.grad.${yName}`,
    hessOther: `out.hess.${yName}`,
  };
}

/** Has the values checked, and returns the total weight. */
function open(engine: RowEngine): number {
  const weight = engine.open(call);
  const error = errorOf(call, weight);
  if (error !== undefined) throw error;
  return weight;
}

/** What is wrong with the values of an opened call, if anything is. */
export function errorOf(opened: RowCall, weight: number): RangeError | undefined {
  if (opened.fault !== undefined) return faultError(opened, opened.fault);
  if (weight < Infinity) return undefined;
  const weights = opened.classWeights ? "weights times class weights" : "weights";
  return new RangeError(`${opened.spec.name}: ${weights} must have a finite sum, got ${weight}`);
}

function faultError(
  { spec, at, weights, prediction, target, labels, length }: RowCall,
  name: "prediction" | "target" | "labels" | "weights",
): RangeError {
  if (name === "labels") {
    return new RangeError(`${spec.name}: label ${labels?.[at]} at row ${at} is not in 0…${length - 1}`);
  }
  if (name === "weights") {
    return new RangeError(`${spec.name}: weights must be finite and at least 0, got ${weights?.[at]} at ${at}`);
  }
  const value = name === "prediction" ? prediction[at] : target[at];
  return new RangeError(`${spec.name}: ${name} ${value} at ${at} is less than 0`);
}
