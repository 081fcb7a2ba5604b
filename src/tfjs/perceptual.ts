/** Perceptual loss through a network of TensorFlow.js. */
import { cast, customGrad, engine, type Scalar, scalar, type Tensor, tidy, valueAndGrad } from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { show } from "../arrays.js";
import { perceptual } from "../index.js";
import { isRecord, optionsOf } from "../options.js";
import type { TfjsLoss } from "./index.js";
import { differentiable, numbers, refuseKind, refuseKinds, refuseOtherShape, shapeOf } from "./tensors.js";

export interface PerceptualLossOptions {
  /** @defaultValue "mean", of each layer */
  readonly reduction?: "mean" | "sum" | undefined;
  /** What the network wants done to an image first, in operations of TensorFlow.js, through which the gradient goes on. Called for both images. */
  readonly preprocess?: ((image: Tensor) => Tensor) | undefined;
}

type Layer = LayersModel["layers"][number];

const who = "perceptualLoss";

/**
 * Makes a perceptual loss of TensorFlow.js, Σ_l λ_l mean|φ_l(yPred) − φ_l(yTrue)|, where φ_l is what a layer of a network returns.
 *
 * `extractor` has one input; `layers` are names of its layers, of weight 1 each, or weights λ ≥ 0 by name, of which those of weight 0 are not worked
 * out. `yPred` is float32, `yTrue` float32, int32 or bool, both of one shape that the extractor takes, or `preprocess`. Means are over all features
 * of a layer and over the batch; with reduction "sum" there is none.
 *
 * The extractor runs as in `predict`. The gradient goes through it to `yPred` and to nothing else: trainable or not, its weights stay as they are.
 * Where no gradient is being taken, none is worked out. There is no second derivative. What `tfjsLoss` says of backends holds here too.
 * @throws TypeError, RangeError for an extractor that is none, a layer that it has not, a weight that is not finite and ≥ 0, no weight above 0,
 * or options that are none, at once; for tensors of the wrong kind or shape, when called.
 * @example model.compile({ optimizer: "adam", loss: perceptualLoss(vgg19, ["block3_conv3", "block4_conv3"]) });
 * @example perceptualLoss(mobilenet, { conv_pw_5_relu: 1, conv_pw_11_relu: 0.5 }, { preprocess: (image) => tf.sub(tf.mul(image, 2), 1) });
 * @see Johnson et al. (2016), arXiv:1603.08155
 */
export function perceptualLoss(
  extractor: LayersModel,
  layers: readonly string[] | Readonly<Record<string, number>>,
  options?: PerceptualLossOptions,
): TfjsLoss {
  refuseStranger(extractor);
  const { reduction, preprocess } = optionsFrom(options);
  const weights = [...weightsOf(layers)].map(([name, weight]) => ({ name, output: outputOf(extractor, name), weight }));
  const used = weights.filter(({ weight }) => weight > 0);
  if (used.length === 0) throw new RangeError(`${who}: a layer must have a weight greater than 0, got 0 for each`);
  const outputs = used.map(({ output }) => output);
  const names = used.map(({ name }) => name);
  const settings = { layerWeights: used.map(({ weight }) => weight), reduction };

  function features(name: string, image: Tensor): Tensor[] {
    const given = preprocess === undefined ? image : preprocess(image);
    refuseMisfit(extractor, preprocess === undefined ? name : "what preprocess returns", given);
    const maps = [extractor.execute(given, outputs)].flat();
    const empty = maps.findIndex(({ size }) => size === 0);
    if (empty < 0 || image.size === 0) return maps;
    throw new RangeError(
      `${who}: layer ${show(names[empty])} has no features of images ${shapeOf(given)}, they are too small`,
    );
  }

  function reduced(yTrue: Tensor, yPred: Tensor): Scalar {
    const targets = untaped(() => features("yTrue", cast(yTrue, "float32")).map(numbers));
    if (!engine().isTapeOn()) return scalar(perceptual(features("yPred", yPred).map(numbers), targets, settings));

    // The tape now holds a way from the extractor's weights to this value; the caller gets one that hangs by yPred alone.
    const { value, grad } = valueAndGrad((image) => {
      const maps = features("yPred", image);
      const own = perceptual.valueAndGrad(maps.map(numbers), targets, settings);
      const none = new Float32Array(0);
      return differentiable(
        who,
        own.value,
        maps.map((map, l) => [map, own.grad[l] ?? none]),
      );
    })(yPred);
    return differentiable(who, numbers(value)[0] ?? Number.NaN, [[yPred, numbers(grad)]]);
  }

  const loss: TfjsLoss = (yTrue, yPred) => {
    refuseKinds(who, yTrue, yPred);
    refuseOtherShape(who, "yTrue", yTrue, "yPred", yPred);
    return tidy(() => reduced(yTrue, yPred));
  };
  // TensorFlow.js calls a metric by its function's name.
  return Object.defineProperty(loss, "name", { value: perceptual.name });
}

/** The target's features: no gradient goes through them, and on the tape their activations made the peak of memory 1.5 times as high. */
function untaped(features: () => Float32Array[]): Float32Array[] {
  let found: Float32Array[] = [];
  // Within an operation of one's own, TensorFlow.js records nothing.
  customGrad(() => {
    found = features();
    return { value: scalar(0), gradFunc: () => [] };
  })();
  return found;
}

function weightsOf(layers: unknown): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const [name, weight] of entriesOf(layers)) {
    if (typeof name !== "string") throw new TypeError(`${who}: layers must hold names, got ${show(name)}`);
    if (weights.has(name)) throw new RangeError(`${who}: layer ${show(name)} must be given once`);
    weights.set(name, weightOf(name, weight));
  }
  if (weights.size === 0) throw new RangeError(`${who}: layers must name at least 1 layer, got none`);
  return weights;
}

function entriesOf(layers: unknown): (readonly [name: unknown, weight: unknown])[] {
  // `from` fills holes.
  if (Array.isArray(layers)) return Array.from(layers, (name: unknown) => [name, 1] as const);
  if (isRecord(layers) && !(layers instanceof Map)) return Object.entries(layers);
  throw new TypeError(`${who}: layers must be an array of names, or weights by name, got ${show(layers)}`);
}

function weightOf(name: string, weight: unknown): number {
  const what = `${who}: the weight of layer ${show(name)} must be`;
  if (typeof weight !== "number") throw new TypeError(`${what} a number, got ${show(weight)}`);
  if (weight >= 0 && weight < Infinity) return weight;
  throw new RangeError(`${what} finite and at least 0, got ${weight}`);
}

function optionsFrom(options: unknown): PerceptualLossOptions {
  const { reduction = "mean", preprocess } = optionsOf(who, ["reduction", "preprocess"], options) ?? {};
  if (reduction !== "mean" && reduction !== "sum") {
    const message = `${who}: reduction must be "mean" or "sum", got ${show(reduction)}`;
    throw typeof reduction === "string" ? new RangeError(message) : new TypeError(message);
  }
  if (preprocess !== undefined && !isPreprocess(preprocess)) {
    throw new TypeError(`${who}: preprocess must be a function, got ${show(preprocess)}`);
  }
  return { reduction, preprocess };
}

function isPreprocess(thing: unknown): thing is (image: Tensor) => Tensor {
  return typeof thing === "function";
}

function refuseStranger(extractor: LayersModel): void {
  const given: unknown = extractor;
  if (!isRecord(given) || !("layers" in given && "inputs" in given && "execute" in given)) {
    throw new TypeError(`${who}: extractor must be a tf.LayersModel, got ${show(given)}`);
  }
  const { name, inputs } = extractor;
  if (inputs.length !== 1) throw new RangeError(`${who}: ${name} must have 1 input, got ${inputs.length}`);
  const kind = inputs[0]?.dtype;
  if (kind !== "float32") throw new TypeError(`${who}: the input of ${name} must be float32, got ${kind}`);
}

/** What TensorFlow.js calls the layer's output. */
function outputOf(extractor: LayersModel, name: string): string {
  const place = placeOf(extractor, name);
  // `execute` looks through the layers one after another, up to the one that is asked for.
  for (const layer of extractor.layers.slice(0, place + 1)) refuseShared(extractor, layer);
  const outputs = extractor.layers.slice(place, place + 1).flatMap(({ output }) => output);
  const [output] = outputs;
  if (output !== undefined && outputs.length === 1) return output.name;
  throw new RangeError(`${who}: layer ${show(name)} must have 1 output, got ${outputs.length}`);
}

function placeOf({ name, layers }: LayersModel, wanted: string): number {
  const place = layers.findIndex((layer) => layer.name === wanted);
  if (place >= 0) return place;
  const missing = `${who}: layer ${show(wanted)} is not in ${name}`;
  const nested = layers.find((layer) => isModel(layer) && layer.layers.some((inner) => inner.name === wanted));
  if (nested !== undefined) throw new RangeError(`${missing} but in its model ${nested.name}; make that the extractor`);
  throw new RangeError(`${missing}; did you mean ${nearest(wanted, layers).join(", ")}?`);
}

function isModel(layer: Layer): layer is LayersModel {
  return "layers" in layer;
}

/** Refuses layers whose output is more than one tensor's: TensorFlow.js could not tell which is meant, nor look beyond them. */
function refuseShared(extractor: LayersModel, layer: Layer): void {
  const times = layer.inboundNodes.length;
  if (times === 1) return;
  throw new RangeError(
    isModel(layer)
      ? `${who}: ${extractor.name} applies the model ${layer.name}, through which no features can be had; make ${layer.name} the extractor`
      : `${who}: layer ${show(layer.name)} of ${extractor.name} must be applied once, got ${times} times`,
  );
}

/** The names most like the one that is not there; of those alike, the deeper first. */
function nearest(wanted: string, layers: readonly Layer[]): string[] {
  const ranked = layers.map(({ name }, place) => ({ name, place, likeness: likeness(wanted, name) }));
  ranked.sort((one, other) => other.likeness - one.likeness || other.place - one.place);
  return ranked.slice(0, 3).map(({ name }) => name);
}

/** By pairs of letters, as Dice (1945) compares sets: so the papers' conv3_3 is nearest to Keras' block3_conv3. */
function likeness(one: string, other: string): number {
  const pairs = pairsOf(other);
  const common = pairsOf(one).filter((pair) => pairs.includes(pair));
  return common.length / (one.length + other.length);
}

function pairsOf(name: string): string[] {
  return Array.from(name, (_, k) => name.slice(k, k + 2)).slice(0, -1);
}

function refuseMisfit({ name, inputs: [input] }: LayersModel, what: string, given: unknown): void {
  refuseKind(who, what, given, ["float32"]);
  const wanted = input?.shape ?? [];
  const fits =
    given.shape.length === wanted.length && wanted.every((size, axis) => size === null || size === given.shape[axis]);
  if (fits) return;
  const shape = shapeOf({ shape: wanted });
  throw new RangeError(`${who}: ${what} must have the shape of ${name}'s input ${shape}, got ${shapeOf(given)}`);
}
