/** The loss of features: each layer's own loss, weighted. */
import { EACH, GRAD, HESS, SUM } from "../assembly/want.js";
import { floats, like, matchLength, output, refuse, show } from "./arrays.js";
import type { Call, Engine, Floats } from "./engine.js";
import { frozen, optionsOf, outOf, reductionOf } from "./options.js";
import type { ImageSpec, Spec } from "./spec.js";
import type { Perceptual, Reduction } from "./types.js";

interface Layer {
  readonly x: Floats;
  readonly y: Floats;
  readonly weight: number;
  readonly value: Floats | undefined;
  readonly grad: Floats | undefined;
  readonly hess: Floats | undefined;
}

interface Results {
  readonly value: number | Floats[];
  readonly grad: Floats[];
  readonly hess: Floats[];
}

/** A layer's loss is that of `own`, on its engine. */
export function definePerceptual(spec: ImageSpec, own: Spec, engine: Engine): Perceptual {
  const { name, formula, source, parameters } = spec;

  function run(want: number, features: unknown, targetFeatures: unknown, options: unknown): Results {
    const { layers, reduction } = prepare(spec, features, targetFeatures, options);
    const each = reduction === "none" && (want & SUM) !== 0;
    const left = each ? (want ^ SUM) | EACH : want;
    let sum = 0;
    const values: Floats[] = [];
    const grad: Floats[] = [];
    const hess: Floats[] = [];
    for (const layer of layers) {
      const count = reduction === "mean" ? layer.x.length : 1;
      const call = callOf(own, layer, layer.weight / count);
      if (layer.weight === 0) leaveZeros(call, left);
      else {
        engine.open(call);
        sum += layer.weight * (engine.sweep(call, left) / count);
      }
      if (each) values.push(times(layer.weight, call.value));
      if (want & GRAD) grad.push(call.grad ?? none);
      if (want & HESS) hess.push(call.hess ?? none);
    }
    return { value: each ? values : sum, grad, hess };
  }

  function perceptual(features: unknown, targetFeatures: unknown, options?: unknown): number | Floats[] {
    return run(SUM, features, targetFeatures, options).value;
  }

  const members = {
    grad(features: unknown, targetFeatures: unknown, options?: unknown): Floats[] {
      return run(GRAD, features, targetFeatures, options).grad;
    },
    valueAndGrad(features: unknown, targetFeatures: unknown, options?: unknown): Omit<Results, "hess"> {
      const { value, grad } = run(SUM | GRAD, features, targetFeatures, options);
      return { value, grad };
    },
    valueGradHess(features: unknown, targetFeatures: unknown, options?: unknown): Results {
      return run(SUM | GRAD | HESS, features, targetFeatures, options);
    },
    parameters: frozen({ ...parameters }),
    formula,
    source,
  };
  Object.defineProperty(perceptual, "name", { value: name });
  // One body serves the overloads; what each of them returns is theirs to say.
  return Object.assign(perceptual, members) as unknown as Perceptual;
}

const none = new Float32Array(0);

function callOf(spec: Spec, { x, y, value, grad, hess }: Layer, weight: number): Call {
  // Finite in the element type too: a derivative of 0 stays 0.
  const scale = x.BYTES_PER_ELEMENT === 4 ? Math.min(weight, 3.4028234663852886e38) : weight;
  const parameters = { a: 0, b: 0, c: 0, scale, unit: 1 };
  return {
    spec,
    prediction: x,
    target: y,
    weights: undefined,
    ...parameters,
    value,
    grad,
    hess,
    fault: undefined,
    at: 0,
    rounds: undefined,
  };
}

/** A layer of weight 0 counts for nothing, even where its loss is infinite or NaN. */
function leaveZeros(call: Call, want: number): void {
  const { prediction } = call;
  if (want & EACH) call.value = (call.value ?? like(prediction)).fill(0);
  if (want & GRAD) call.grad = (call.grad ?? like(prediction)).fill(0);
  if (want & HESS) call.hess = (call.hess ?? like(prediction)).fill(0);
}

function times(weight: number, values: Floats = none): Floats {
  if (weight !== 1) for (let k = 0; k < values.length; k++) values[k] = weight * (values[k] ?? 0);
  return values;
}

/** Checks everything, or throws; nothing has been written then. */
function prepare(
  spec: ImageSpec,
  features: unknown,
  targetFeatures: unknown,
  options: unknown,
): { layers: Layer[]; reduction: Reduction } {
  // Options may be getters, which may do anything: all are read before an array is looked at.
  const loss = spec.name;
  const given = optionsOf(loss, [...spec.options, "reduction", "out"], options);
  const reduction = reductionOf(spec, given?.reduction);
  const givenWeights = given?.layerWeights;
  const out = outOf(loss, given?.out);
  const [givenValues, givenGrads, givenHesses] = [out?.value, out?.grad, out?.hess];
  if (givenValues !== undefined && reduction !== "none") {
    throw new TypeError(`${loss}: out.value must be left out where the value is a number, got ${show(givenValues)}`);
  }

  const maps = listOf(loss, "features", features);
  const count = maps.length;
  if (count === 0) throw new RangeError(`${loss}: features must have at least 1 layer, got 0`);
  const targets = listOf(loss, "targetFeatures", targetFeatures, count);
  const weights = weightsOf(loss, givenWeights, count);
  const values = givenValues === undefined ? [] : listOf(loss, "out.value", givenValues, count);
  const grads = givenGrads === undefined ? [] : listOf(loss, "out.grad", givenGrads, count);
  const hesses = givenHesses === undefined ? [] : listOf(loss, "out.hess", givenHesses, count);

  const layers = maps.map((map, l): Layer => {
    const own = `features[${l}]`;
    const x = floats(loss, own, map);
    const y = floats(loss, `targetFeatures[${l}]`, targets[l], x, own);
    const like = `like ${own}`;
    matchLength(loss, `targetFeatures[${l}]`, y, x.length, like);
    const value = output(loss, `out.value[${l}]`, values[l], x, x.length, like);
    const grad = output(loss, `out.grad[${l}]`, grads[l], x, x.length, like);
    const hess = output(loss, `out.hess[${l}]`, hesses[l], x, x.length, like);
    return { x, y, weight: weights?.[l] ?? 1, value, grad, hess };
  });
  if (out !== undefined) refuseOverlaps(loss, layers);
  return { layers, reduction };
}

/** The list, read once, holes too, before any array in it is looked at. */
function listOf(loss: string, name: string, list: unknown, count?: number): readonly unknown[] {
  if (!Array.isArray(list)) {
    throw new TypeError(`${loss}: ${name} must be an array of arrays, one per layer, got ${show(list)}`);
  }
  if (count === undefined || list.length === count) return Array.from(list);
  throw new RangeError(`${loss}: ${name} must have ${layersOf(count)} like features, got ${list.length}`);
}

function layersOf(count: number): string {
  return count === 1 ? "1 layer" : `${count} layers`;
}

function weightsOf(loss: string, given: unknown, count: number): Floats | undefined {
  if (given === undefined) return undefined;
  const weights = floats(loss, "layerWeights", given);
  matchLength(loss, "layerWeights", weights, count, "(one per layer)");
  for (const [l, weight] of weights.entries()) {
    if (weight >= 0 && weight < Infinity) continue;
    throw new RangeError(`${loss}: layerWeights must be finite and at least 0, got ${weight} at ${l}`);
  }
  return weights;
}

interface Span {
  readonly kind: "features" | "targetFeatures" | "out.value" | "out.grad" | "out.hess";
  readonly layer: number;
  readonly array: Floats;
}

/** No output may touch another array, but that a layer's gradient may take its prediction's place. Only arrays of one buffer are compared. */
function refuseOverlaps(loss: string, layers: readonly Layer[]): void {
  const taken = new Map<ArrayBufferLike, Span[]>();
  const take = (span: Span): void => {
    const own = taken.get(span.array.buffer);
    if (own === undefined) taken.set(span.array.buffer, [span]);
    else own.push(span);
  };
  for (const [layer, { x, y }] of layers.entries()) {
    take({ kind: "features", layer, array: x });
    take({ kind: "targetFeatures", layer, array: y });
  }
  for (const [layer, { value, grad, hess }] of layers.entries()) {
    for (const [kind, array] of [
      ["out.value", value] as const,
      ["out.grad", grad] as const,
      ["out.hess", hess] as const,
    ]) {
      if (array === undefined) continue;
      const output: Span = { kind, layer, array };
      for (const other of taken.get(array.buffer) ?? []) refusePair(loss, output, other);
      take(output);
    }
  }
}

function refusePair(loss: string, output: Span, other: Span): void {
  const start = output.array.byteOffset;
  const from = other.array.byteOffset;
  if (from >= start + output.array.byteLength || start >= from + other.array.byteLength) return;
  const own = output.kind === "out.grad" && other.kind === "features" && output.layer === other.layer;
  if (own && start === from) return;
  refuse(loss, nameOf(output), output.array, output.array.buffer, nameOf(other), other.array);
}

const nameOf = ({ kind, layer }: Span): string => `${kind}[${layer}]`;
