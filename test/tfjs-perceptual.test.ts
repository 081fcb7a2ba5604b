/** perceptualLoss through a network of VGG-19's layers, against TensorFlow.js' own operations, plain means and differences. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs-core";
import {
  initializers,
  input,
  type LayersModel,
  layers,
  model,
  SymbolicTensor,
  sequential,
} from "@tensorflow/tfjs-layers";
import * as built from "simdloss/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { mae } from "../src/index.js";
import { perceptualLoss, type TfjsLoss } from "../src/tfjs/index.js";
import { backends, expectClose, floats } from "./tensors.js";

type Image = [batch: number, height: number, width: number, channels: number];
type Layer = LayersModel["layers"][number];

/** VGG-19's, by the names that Keras gives them; narrow, so that a step takes a hundredth of a second. */
const blocks = [
  { convolutions: 2, filters: 2 },
  { convolutions: 2, filters: 3 },
  { convolutions: 4, filters: 4 },
  { convolutions: 4, filters: 6 },
  { convolutions: 4, filters: 8 },
];

function vgg(): LayersModel {
  const network = sequential({ layers: [layers.inputLayer({ inputShape: [null, null, 3], name: "input_1" })] });
  for (const [b, { convolutions, filters }] of blocks.entries()) {
    const block = `block${b + 1}`;
    for (let c = 1; c <= convolutions; c++) network.add(convolution(`${block}_conv${c}`, filters));
    network.add(layers.maxPooling2d({ name: `${block}_pool`, poolSize: 2, strides: 2 }));
  }
  return model({ name: "vgg19", inputs: network.inputs, outputs: network.outputs });
}

/** Biases above 0 keep all of the sixteen convolutions alive. */
function convolution(name: string, filters: number): Layer {
  const seed = [...name].reduce((sum, letter) => 31 * sum + letter.charCodeAt(0), 0) % 1000;
  return layers.conv2d({
    name,
    filters,
    kernelSize: 3,
    padding: "same",
    activation: "relu",
    kernelInitializer: initializers.heNormal({ seed }),
    biasInitializer: initializers.randomUniform({ minval: 0, maxval: 0.2, seed }),
  });
}

const shape: Image = [2, 32, 32, 3];
const pixels = tf.util.sizeFromShape(shape);
const original = Float32Array.from({ length: pixels }, (_, k) => 0.5 + 0.5 * Math.sin(1.7 * k + Math.sin(0.01 * k)));
const restored = Float32Array.from({ length: pixels }, (_, k) => 0.5 + 0.4 * Math.cos(2.9 * k + Math.sin(0.02 * k)));

const names = blocks.flatMap(({ convolutions }, b) => [
  ...Array.from({ length: convolutions }, (_, c) => `block${b + 1}_conv${c + 1}`),
  `block${b + 1}_pool`,
]);

/** Another model of the same layers, that returns what each of these layers returns. */
function featuresOf(network: LayersModel, wanted: readonly string[]): (image: tf.Tensor) => tf.Tensor[] {
  const outputs = wanted.flatMap((name) => network.getLayer(name).output);
  const probe = model({ inputs: network.inputs, outputs });
  return (image) => [probe.apply(image)].flat().filter((map) => map instanceof tf.Tensor);
}

/** Σ λ mean|Δ|, or Σ λ Σ|Δ|, as it stands. */
function plain(one: readonly Float32Array[], other: readonly Float32Array[], weights: readonly number[], sum = false) {
  return one.reduce((total, map, l) => {
    const differences = Array.from(map, (value, k) => Math.abs(value - (other[l]?.[k] ?? Number.NaN)));
    const added = differences.reduce((all, difference) => all + difference, 0);
    return total + ((weights[l] ?? Number.NaN) * added) / (sum ? 1 : map.length);
  }, 0);
}

/** The same in TensorFlow.js' operations. */
function theirs(features: (image: tf.Tensor) => tf.Tensor[], weights: readonly number[]): TfjsLoss {
  return (yTrue, yPred) => {
    const targets = features(yTrue);
    const terms = features(yPred).map((map, l) =>
      tf.mul<tf.Scalar>(weights[l] ?? Number.NaN, tf.mean(tf.abs(tf.sub(map, targets[l] ?? Number.NaN)))),
    );
    return tf.addN(terms);
  };
}

const numberOf = (loss: tf.Tensor): number => floats(loss)[0] ?? Number.NaN;
const kept = (network: LayersModel) => network.getWeights().map((weight) => [...weight.dataSync()]);

/** The kernels of the backend that a call runs. */
async function kernelsOf(run: () => tf.Tensor): Promise<string[]> {
  const { kernels } = await tf.profile(run);
  return kernels.map(({ name }) => name);
}

const settings = [
  { title: "one layer", layers: ["block3_conv3"], weights: [1] },
  { title: "two layers", layers: ["block3_conv3", "block4_conv3"], weights: [1, 1] },
  { title: "weights by name", layers: { block4_conv3: 0.25, block1_conv2: 2 }, weights: [0.25, 2] },
] as const;
const namesOf = (given: (typeof settings)[number]["layers"]): readonly string[] =>
  "block4_conv3" in given ? Object.keys(given) : given;

describe.each(backends)("perceptualLoss on the %s backend", (backend) => {
  let network: LayersModel;
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true);
    network = vgg();
  });
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const images = () => ({ y: tf.tensor(original, shape), x: tf.tensor(restored, shape) });

  it.each(names)("has the mean of %s, and of no other layer", (name) => {
    const { y, x } = images();
    const features = featuresOf(network, [name]);
    const expected = plain(features(x).map(floats), features(y).map(floats), [1]);
    expect(expected).toBeGreaterThan(0);
    expectClose(floats(perceptualLoss(network, [name])(y, x)), [expected]);
  });

  it.each(settings)("has the value of the plain mean: $title", ({ layers, weights }) => {
    const { y, x } = images();
    const features = featuresOf(network, namesOf(layers));
    const [found, wanted] = [features(x).map(floats), features(y).map(floats)];
    expectClose(floats(perceptualLoss(network, layers)(y, x)), [plain(found, wanted, weights)]);
    const sum = perceptualLoss(network, layers, { reduction: "sum" });
    expectClose(floats(sum(y, x)), [plain(found, wanted, weights, true)]);
  });

  it.each(settings)("has the gradient that TensorFlow.js finds: $title", ({ layers, weights }) => {
    const { y, x } = images();
    const loss = perceptualLoss(network, layers);
    const rival = theirs(featuresOf(network, namesOf(layers)), weights);
    const ours = tf.valueAndGrad((image) => loss(y, image))(x);
    const expected = tf.valueAndGrad((image) => rival(y, image))(x);
    expect(ours.value.shape).toEqual([]);
    expect(ours.grad.shape).toEqual(shape);
    expectClose(floats(ours.value), floats(expected.value));
    expectClose(floats(ours.grad), floats(expected.grad));
    // Without a gradient, TensorFlow.js adds biases within the convolution.
    expectClose(floats(loss(y, x)), floats(ours.value));
  });

  /**
   * Along the gradient, as far as 1e-3 to both sides. Between its kinks, those of relu, pooling and |Δ|, the loss is linear; as many of them as
   * the step is long make the difference fall short, by 2.7% with 1e-2 at most, so that it is 0.3% with 1e-3. Features are rounded to 6e-8 of
   * themselves: 0.02% here, ten times that with 1e-4. Found: 0.01%.
   */
  it.each(settings)("has the gradient of differences: $title", ({ layers, weights }) => {
    const { y, x } = images();
    const features = featuresOf(network, namesOf(layers));
    const wanted = features(y).map(floats);
    const slope = tf.grad((image) => perceptualLoss(network, layers)(y, image))(x);
    const length = numberOf(tf.norm(slope));
    const step = tf.mul(slope, 1e-3 / length);
    const [ahead, behind] = [tf.add(x, step), tf.sub(x, step)].map((image) =>
      plain(features(image).map(floats), wanted, weights),
    );
    expect(((ahead ?? 0) - (behind ?? 0)) / 2e-3 / length).toBeCloseTo(1, 2);
  });

  it("differentiates what is done to the images first, and does it to both", () => {
    const { y, x } = images();
    const means = tf.tensor1d([103.939, 116.779, 123.68]);
    const preprocess = (image: tf.Tensor) => tf.sub(tf.reverse(tf.mul(image, 255), -1), means);
    const loss = perceptualLoss(network, ["block2_conv2"], { preprocess });
    const bare = theirs(featuresOf(network, ["block2_conv2"]), [1]);
    const ours = tf.valueAndGrad((image) => loss(y, image))(x);
    const expected = tf.valueAndGrad((image) => bare(preprocess(y), preprocess(image)))(x);
    expectClose(floats(ours.value), floats(expected.value));
    expectClose(floats(ours.grad), floats(expected.grad));
  });

  it("scales its gradient by the gradient from above", () => {
    const { y, x } = images();
    const loss = perceptualLoss(network, ["block1_conv1"]);
    const { value, grad } = tf.valueAndGrad((image) => loss(y, image))(x);
    const scaled = tf.grad((image) => tf.square(tf.mul(3, loss(y, image))))(x);
    expectClose(floats(scaled), floats(tf.mul(grad, tf.mul(18, value))));
  });

  it("gives no gradient to the extractor, which may be trainable, and leaves it as it is", () => {
    const { y, x } = images();
    const image = tf.variable(x);
    const loss = perceptualLoss(network, ["block3_conv3", "block4_conv3"]);
    expect(network.trainableWeights.length).toBe(32);
    expect(Object.keys(tf.variableGrads(() => loss(y, image)).grads)).toEqual([image.name]);

    const before = kept(network);
    const optimizer = tf.train.adam(0.01);
    const first = numberOf(loss(y, image));
    for (let step = 0; step < 20; step++) optimizer.minimize(() => loss(y, image));
    expect(numberOf(loss(y, image))).toBeLessThan(0.7 * first);
    expect(kept(network)).toEqual(before);
    expect(network.trainableWeights.length).toBe(32);
    optimizer.dispose();
    image.dispose();
  });

  it("takes the target for a constant", () => {
    const { y, x } = images();
    const loss = perceptualLoss(network, ["block2_conv1"]);
    expect(() => tf.grads((target, image) => loss(target, image))([y, x])).toThrow("Cannot compute gradient");
    const [one, other] = [tf.variable(y), tf.variable(x)];
    expect(Object.keys(tf.variableGrads(() => loss(tf.mul(one, 2), other)).grads)).toEqual([other.name]);

    // The same image in both places: the gradient is that of the second.
    const both = tf.grad((image) => loss(tf.mul(image, 0.5), image))(x);
    const second = tf.grad((image) => loss(tf.mul(x, 0.5), image))(x);
    expect(floats(both)).toEqual(floats(second));
    one.dispose();
    other.dispose();
  });

  it("works out a gradient only where one is being taken", async () => {
    const { y, x } = images();
    const loss = perceptualLoss(network, ["block2_conv2"]);
    const backward = (name: string) => /Backprop|Grad/.test(name);
    expect((await kernelsOf(() => loss(y, x))).filter(backward)).toEqual([]);
    const slopes = await kernelsOf(() => tf.grad((image) => loss(y, image))(x));
    // Four convolutions and a pooling below the layer, none of whose weights is asked for.
    expect(slopes.filter(backward).sort()).toEqual([...Array(4).fill("Conv2DBackpropInput"), "MaxPoolGrad"]);
  });

  it("keeps nothing of the target for a gradient, and nothing at all without one", () => {
    const { y, x } = images();
    const taped: boolean[] = [];
    const preprocess = (image: tf.Tensor) => {
      taped.push(tf.engine().isTapeOn());
      return image;
    };
    const loss = perceptualLoss(network, ["block1_conv1"], { preprocess });
    loss(y, x);
    expect(taped.splice(0)).toEqual([false, false]);
    tf.grad((image) => loss(y, image))(x);
    expect(taped).toEqual([false, true]);
  });

  it("works out no layer that weighs nothing, or lies beyond the last that counts", async () => {
    const { y, x } = images();
    const loss = perceptualLoss(network, { block5_conv4: 0, block1_conv2: 0.5 });
    const features = featuresOf(network, ["block1_conv2"]);
    expectClose(floats(loss(y, x)), [plain(features(x).map(floats), features(y).map(floats), [0.5])]);
    const kernels = await kernelsOf(() => loss(y, x));
    expect(kernels.filter((name) => name.includes("Conv2D")).length).toBe(4);
  });

  it("leaves no tensor behind but its results", () => {
    const { y, x } = images();
    const image = tf.variable(x);
    const preprocess = (given: tf.Tensor) => tf.sub(tf.mul(given, 2), 1);
    const loss = perceptualLoss(network, ["block2_conv2", "block3_pool"], { preprocess });
    const optimizer = tf.train.sgd(0.01);
    const tensors = tf.memory().numTensors;
    const results = [
      () => loss(y, image),
      () => tf.grad((given) => loss(y, given))(x),
      () => optimizer.minimize(() => loss(y, image), true, [image]),
      () => optimizer.minimize(() => tf.add(loss(y, image), loss(y, tf.mul(image, 0.5))), true),
    ];
    for (const result of [...results, ...results]) {
      const tensor = result();
      expect(tf.memory().numTensors - tensors).toBe(1);
      tensor?.dispose();
      expect(tf.memory().numTensors - tensors).toBe(0);
    }
    expect(() => perceptualLoss(network, ["block1_conv1"], { preprocess: tf.sum })(y, x)).toThrow(RangeError);
    expect(tf.memory().numTensors - tensors).toBe(0);
    optimizer.dispose();
    image.dispose();
  });

  it("is exactly 0, and flat, where the images are the same", () => {
    const { x } = images();
    const { value, grad } = tf.valueAndGrad((image) => perceptualLoss(network, names)(x, image))(x);
    expect(numberOf(value)).toBe(0);
    expect(floats(grad)).toEqual(new Float32Array(pixels));
  });

  it("takes int32 and bool targets, and batches of one", () => {
    const bytes = tf.cast(tf.mul(tf.tensor(original.slice(0, pixels / 2), [1, 32, 32, 3]), 255), "int32");
    const image = tf.tensor(restored.slice(0, pixels / 2), [1, 32, 32, 3]);
    const preprocess = (given: tf.Tensor) => tf.div(given, 127.5);
    const loss = perceptualLoss(network, ["block1_pool"], { preprocess });
    expect(numberOf(loss(bytes, image))).toBe(numberOf(loss(tf.cast(bytes, "float32"), image)));
    const mask = tf.greater(image, 0.5);
    const bare = perceptualLoss(network, ["block1_pool"]);
    expect(numberOf(bare(mask, image))).toBe(numberOf(bare(tf.cast(mask, "float32"), image)));
    expect(numberOf(loss(mask, image))).toBe(numberOf(loss(tf.cast(mask, "float32"), image)));
  });

  it("refuses a second derivative rather than leaving a term of it out", () => {
    const { y, x } = images();
    const slope = tf.grad((image) => perceptualLoss(network, ["block1_conv2"])(y, tf.square(image)));
    expect(slope(x).shape).toEqual(shape);
    expect(() => tf.grad(slope)(x)).toThrow(
      new Error("perceptualLoss: the gradient must not be differentiated, there is no second derivative"),
    );
  });

  it("compares the images themselves by the layer that they come in through", () => {
    const { y, x } = images();
    const { value, grad } = tf.valueAndGrad((image) => perceptualLoss(network, ["input_1"])(y, image))(x);
    const expected = mae.valueAndGrad(restored, original);
    expectClose(floats(value), [expected.value]);
    expectClose(floats(grad), expected.grad);
  });
});

describe("perceptualLoss", () => {
  let network: LayersModel;
  beforeAll(async () => {
    expect(await tf.setBackend("cpu")).toBe(true);
    network = vgg();
  });

  it("trains an autoencoder by compile and fit, leaves the extractor as it is and no tensor behind", async () => {
    const waves = Float32Array.from(
      { length: pixels },
      (_, k) => 0.5 + 0.5 * Math.sin(k / 700) * Math.cos((k % 96) / 15),
    );
    const images = tf.tensor(waves, shape);
    const autoencoder = sequential({
      layers: [
        layers.averagePooling2d({ inputShape: [32, 32, 3], poolSize: 2 }),
        convolution("code", 4),
        layers.upSampling2d({}),
        convolution("image", 3),
      ],
    });
    const loss = perceptualLoss(network, { block1_conv2: 1, block3_conv3: 2 });
    expect(loss.name).toBe("perceptual");
    const optimizer = tf.train.adam(0.01);
    autoencoder.compile({ optimizer, loss, metrics: [loss] });
    const before = kept(network);
    const train = () => autoencoder.fit(images, images, { epochs: 8, batchSize: 1, shuffle: false, verbose: 0 });

    const { history } = await train();
    expect(Object.keys(history)).toEqual(["loss", "perceptual"]);
    const [first] = history.loss ?? [];
    expect(history.loss?.at(-1)).toBeLessThan(0.75 * Number(first));
    const tensors = tf.memory().numTensors;
    await train();
    const evaluated = autoencoder.evaluate(images, images, { batchSize: 1 });
    tf.dispose(evaluated);
    expect(tf.memory().numTensors - tensors).toBe(0);
    expect(kept(network)).toEqual(before);
    autoencoder.dispose();
    optimizer.dispose();
    images.dispose();
  });

  it("runs dropout, noise and batch normalization as in predict, and leaves moving means alone", () => {
    const noisy = sequential({
      name: "noisy",
      layers: [
        layers.dense({
          inputShape: [6],
          units: 8,
          kernelInitializer: initializers.glorotNormal({ seed: 1 }),
          name: "in",
        }),
        layers.batchNormalization({ name: "normal" }),
        layers.gaussianNoise({ stddev: 1, name: "noise" }),
        layers.dropout({ rate: 0.5, name: "dropout" }),
      ],
    });
    noisy.getLayer("normal").setWeights([0.5, 0.1, 0.3, 2].map((value) => tf.fill([8], value)));
    const [y, x] = [original, restored].map((numbers) => tf.tensor(numbers.slice(0, 24), [4, 6]));
    if (x === undefined || y === undefined) throw new Error("no tensors");
    const before = kept(noisy);
    const loss = perceptualLoss(noisy, ["dropout"]);
    const [found, wanted] = [x, y].map((batch) => [noisy.predict(batch)].flat().map(floats));
    const expected = plain(found ?? [], wanted ?? [], [1]);
    for (const run of [() => loss(y, x), () => tf.valueAndGrad((batch) => loss(y, batch))(x).value]) {
      expectClose(floats(run()), [expected]);
      expectClose(floats(run()), [expected]);
    }
    expect(kept(noisy)).toEqual(before);
  });

  it("takes a Sequential of any shape, to which preprocess brings the images", () => {
    const dense = sequential({ name: "dense", layers: [layers.dense({ inputShape: [12], units: 3, name: "out" })] });
    const [y, x] = [original, restored].map((numbers) => tf.tensor(numbers.slice(0, 24), [2, 2, 2, 3]));
    if (x === undefined || y === undefined) throw new Error("no tensors");
    const preprocess = (image: tf.Tensor) => tf.reshape(image, [-1, 12]);
    const loss = perceptualLoss(dense, ["out"], { preprocess });
    const rival: TfjsLoss = (yTrue, yPred) =>
      theirs((image) => [dense.apply(preprocess(image))].flat().filter((map) => map instanceof tf.Tensor), [1])(
        yTrue,
        yPred,
      );
    expectClose(floats(tf.grad((image) => loss(y, image))(x)), floats(tf.grad((image) => rival(y, image))(x)));
    expect(tf.grad((image) => loss(y, image))(x).shape).toEqual([2, 2, 2, 3]);
  });

  it("takes a network that is part of others", () => {
    const shared = vgg();
    const image = input({ shape: [32, 32, 3] });
    const first = sequential({ name: "first", layers: [shared, layers.globalAveragePooling2d({ name: "mean" })] });
    const applied = model({ name: "applied", inputs: image, outputs: symbolic(vgg().apply(image)) });
    const [y, x] = [tf.tensor(original, shape), tf.tensor(restored, shape)];
    expect(numberOf(perceptualLoss(shared, ["block5_pool"])(y, x))).toBe(
      numberOf(perceptualLoss(first, ["mean"])(y, x)),
    );

    expect(() => perceptualLoss(first, ["block1_conv2"])).toThrow(
      new RangeError(
        'perceptualLoss: layer "block1_conv2" is not in first but in its model vgg19; make that the extractor',
      ),
    );
    expect(() => perceptualLoss(applied, ["vgg19"])).toThrow(
      new RangeError(
        "perceptualLoss: applied applies the model vgg19, through which no features can be had; make vgg19 the extractor",
      ),
    );
  });

  it("is typed as what it takes and gives", () => {
    expectTypeOf(perceptualLoss(network, ["block1_conv1"])).toEqualTypeOf<TfjsLoss>();
    expectTypeOf(perceptualLoss).parameter(0).toEqualTypeOf<LayersModel>();
    expectTypeOf(sequential()).toExtend<Parameters<typeof perceptualLoss>[0]>();
  });
});

function symbolic(output: tf.Tensor | tf.Tensor[] | SymbolicTensor | SymbolicTensor[]): SymbolicTensor {
  if (output instanceof SymbolicTensor) return output;
  throw new Error("no symbolic tensor");
}

describe("perceptualLoss refuses", () => {
  let network: LayersModel;
  beforeAll(async () => {
    expect(await tf.setBackend("cpu")).toBe(true);
    network = vgg();
  });

  it("a layer that is not there, and names the nearest", () => {
    const suggested = (name: string) => {
      expect(() => perceptualLoss(network, [name])).toThrow(RangeError);
      try {
        perceptualLoss(network, ["block1_conv1", name]);
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
      throw new Error("no error");
    };
    expect(suggested("block3_conv33")).toBe(
      'perceptualLoss: layer "block3_conv33" is not in vgg19; did you mean block3_conv3, block3_conv4, block3_conv2?',
    );
    expect(suggested("conv3_3")).toContain("did you mean block3_conv3, ");
    expect(suggested("relu2_2")).toContain("did you mean block2_");
    expect(suggested("Block5_Pool")).toContain("did you mean block5_pool, ");
    expect(suggested("input1")).toContain("did you mean input_1, ");
    // As in an object that has members of its own.
    expect(suggested("constructor")).toContain("is not in vgg19");
    expect(() => perceptualLoss(network, { block9: 0 })).toThrow('layer "block9" is not in vgg19');
  });

  it("what is no extractor", () => {
    for (const [extractor, got] of [
      [undefined, "undefined"],
      [null, "null"],
      ["vgg19", '"vgg19"'],
      [{}, "an object"],
      [{ inputs: [{}], execute: () => [] }, "an object"],
      [[network], "an array"],
      [() => network, "a function"],
    ]) {
      // @ts-expect-error no tf.LayersModel
      expect(() => perceptualLoss(extractor, ["block1_conv1"])).toThrow(
        new TypeError(`perceptualLoss: extractor must be a tf.LayersModel, got ${got}`),
      );
    }
    expect(() => perceptualLoss(sequential({ name: "empty" }), ["a"])).toThrow(
      new RangeError("perceptualLoss: empty must have 1 input, got 0"),
    );
    const inputs = [input({ shape: [2] }), input({ shape: [2] })];
    const sum = layers.add({ name: "sum" });
    const two = model({ name: "two", inputs, outputs: symbolic(sum.apply(inputs)) });
    expect(() => perceptualLoss(two, ["sum"])).toThrow(new RangeError("perceptualLoss: two must have 1 input, got 2"));
    const embedding = layers.embedding({ inputDim: 4, outputDim: 2, inputLength: 3, name: "table" });
    const words = input({ shape: [3], dtype: "int32" });
    const lookup = model({ name: "lookup", inputs: words, outputs: symbolic(embedding.apply(words)) });
    expect(() => perceptualLoss(lookup, ["table"])).toThrow(
      new TypeError("perceptualLoss: the input of lookup must be float32, got int32"),
    );
  });

  it("layers without one output of their own", () => {
    const image = input({ shape: [4] });
    const twice = layers.dense({ units: 4, name: "twice" });
    const after = layers.dense({ units: 4, name: "after" });
    const first = symbolic(twice.apply(image));
    const shared = model({
      name: "shared",
      inputs: image,
      outputs: symbolic(after.apply(symbolic(twice.apply(first)))),
    });
    for (const name of ["twice", "after"]) {
      expect(() => perceptualLoss(shared, [name])).toThrow(
        new RangeError('perceptualLoss: layer "twice" of shared must be applied once, got 2 times'),
      );
    }
    const series = input({ shape: [3, 2] });
    const recurrent = layers.lstm({ units: 2, returnState: true, recurrentInitializer: "zeros", name: "lstm" });
    const states = [recurrent.apply(series)].flat();
    const stateful = model({ name: "stateful", inputs: series, outputs: symbolic(states[0] ?? first) });
    expect(() => perceptualLoss(stateful, ["lstm"])).toThrow(
      new RangeError('perceptualLoss: layer "lstm" must have 1 output, got 3'),
    );
  });

  it("layers and weights that are none", () => {
    // @ts-expect-error a name is no list
    expect(() => perceptualLoss(network, "block1_conv1")).toThrow(
      new TypeError('perceptualLoss: layers must be an array of names, or weights by name, got "block1_conv1"'),
    );
    // @ts-expect-error layers are called by name
    expect(() => perceptualLoss(network, [3])).toThrow(new TypeError("perceptualLoss: layers must hold names, got 3"));
    const holes: string[] = ["block1_conv1"];
    holes[2] = "block3_conv3";
    expect(() => perceptualLoss(network, holes)).toThrow(
      new TypeError("perceptualLoss: layers must hold names, got undefined"),
    );
    // @ts-expect-error weights by name are an object
    expect(() => perceptualLoss(network, new Map([["block1_conv1", 1]]))).toThrow(
      new TypeError("perceptualLoss: layers must be an array of names, or weights by name, got an object"),
    );
    for (const layers of [[], {}]) {
      expect(() => perceptualLoss(network, layers)).toThrow(
        new RangeError("perceptualLoss: layers must name at least 1 layer, got none"),
      );
    }
    expect(() => perceptualLoss(network, ["block1_conv1", "block1_conv1"])).toThrow(
      new RangeError('perceptualLoss: layer "block1_conv1" must be given once'),
    );
    for (const weight of [-1, Number.NaN, Infinity]) {
      expect(() => perceptualLoss(network, { block1_conv1: 1, block3_conv3: weight })).toThrow(
        new RangeError(
          `perceptualLoss: the weight of layer "block3_conv3" must be finite and at least 0, got ${weight}`,
        ),
      );
    }
    // @ts-expect-error weights are numbers
    expect(() => perceptualLoss(network, { block3_conv3: "1" })).toThrow(
      new TypeError('perceptualLoss: the weight of layer "block3_conv3" must be a number, got "1"'),
    );
    expect(() => perceptualLoss(network, { block1_conv1: 0, block3_conv3: 0 })).toThrow(
      new RangeError("perceptualLoss: a layer must have a weight greater than 0, got 0 for each"),
    );
  });

  it("options that are none", () => {
    const layers = ["block1_conv1"];
    // @ts-expect-error a typo
    expect(() => perceptualLoss(network, layers, { reductoin: "sum" })).toThrow(
      new TypeError('perceptualLoss: unknown option "reductoin"; the options are reduction, preprocess'),
    );
    // @ts-expect-error a scalar is what TensorFlow.js wants
    expect(() => perceptualLoss(network, layers, { reduction: "none" })).toThrow(
      new RangeError('perceptualLoss: reduction must be "mean" or "sum", got "none"'),
    );
    // @ts-expect-error no reduction
    expect(() => perceptualLoss(network, layers, { reduction: 1 })).toThrow(
      new TypeError('perceptualLoss: reduction must be "mean" or "sum", got 1'),
    );
    // @ts-expect-error a function is wanted
    expect(() => perceptualLoss(network, layers, { preprocess: "caffe" })).toThrow(
      new TypeError('perceptualLoss: preprocess must be a function, got "caffe"'),
    );
    // @ts-expect-error options are an object
    expect(() => perceptualLoss(network, layers, "sum")).toThrow(
      new TypeError('perceptualLoss: options must be an object, got "sum"'),
    );
  });

  it("tensors of another kind or shape", () => {
    const loss = perceptualLoss(network, ["block1_conv1"]);
    const image = () => tf.zeros([1, 8, 8, 3]);
    // @ts-expect-error an array is no tensor
    expect(() => loss([1], image())).toThrow(new TypeError("perceptualLoss: yTrue must be a tensor, got object"));
    expect(() => loss(image(), tf.zeros([1, 8, 8, 3], "int32"))).toThrow(
      new TypeError("perceptualLoss: yPred must be float32, got int32"),
    );
    expect(() => loss(tf.zeros([2, 8, 8, 3]), image())).toThrow(
      new RangeError("perceptualLoss: yTrue must have the shape of yPred [1, 8, 8, 3], got [2, 8, 8, 3]"),
    );
    const misfits = [[1, 8, 8, 1], [8, 8, 3], [1, 1, 8, 8, 3], []];
    for (const misfit of misfits) {
      expect(() => loss(tf.zeros(misfit), tf.zeros(misfit))).toThrow(
        new RangeError(
          `perceptualLoss: yTrue must have the shape of vgg19's input [null, null, null, 3], got [${misfit.join(", ")}]`,
        ),
      );
    }
  });

  it("images that are too small for a layer", () => {
    const loss = perceptualLoss(network, ["block1_conv1", "block3_pool"]);
    const images = tf.zeros([2, 4, 4, 3]);
    expect(() => loss(images, images)).toThrow(
      new RangeError('perceptualLoss: layer "block3_pool" has no features of images [2, 4, 4, 3], they are too small'),
    );
    const none = tf.zeros([0, 8, 8, 3]);
    expect(floats(loss(none, none))).toEqual(Float32Array.of(Number.NaN));
  });

  it("what preprocess returns", () => {
    const image = tf.zeros([1, 8, 8, 3]);
    const loss = (preprocess: (given: tf.Tensor) => tf.Tensor) =>
      perceptualLoss(network, ["block1_conv1"], { preprocess })(image, image);
    // @ts-expect-error it forgets to return
    expect(() => loss(() => {})).toThrow(
      new TypeError("perceptualLoss: what preprocess returns must be a tensor, got undefined"),
    );
    expect(() => loss((given) => tf.cast(given, "int32"))).toThrow(
      new TypeError("perceptualLoss: what preprocess returns must be float32, got int32"),
    );
    expect(() => loss((given) => tf.squeeze(given))).toThrow(
      new RangeError(
        "perceptualLoss: what preprocess returns must have the shape of vgg19's input [null, null, null, 3], got [8, 8, 3]",
      ),
    );
  });
});

const root = new URL("../", import.meta.url);
const textOf = (file: string) => readFileSync(new URL(file, root), "utf8");

interface Examples {
  readonly caffe: (image: tf.Tensor) => tf.Tensor;
  readonly image: readonly TfjsLoss[];
  readonly grey: readonly TfjsLoss[];
}

describe("docs/perceptual.md", () => {
  const text = textOf("docs/perceptual.md");
  const code = [...text.matchAll(/^```js\n(.*?)^```/gms)].map(([, block = ""]) => block.replace(/^import .*$/gm, ""));

  it("lists the layers of VGG-19, all of them and no others", () => {
    expect([...new Set(text.match(/\bblock\d_\w+/g))].sort()).toEqual(names.toSorted());
    expect(vgg().layers.map(({ name }) => name)).toEqual(["input_1", ...names]);
  });

  it("counts torchvision's indices as torchvision does", () => {
    const features = blocks.flatMap(({ convolutions }, b) => [
      ...Array.from({ length: convolutions }, (_, c) => [`conv${b + 1}_${c + 1}`, `relu${b + 1}_${c + 1}`]).flat(),
      `pool${b + 1}`,
    ]);
    expect([8, 14, 15, 17, 22, 23, 24].map((index) => features[index])).toEqual([
      "relu2_2",
      "conv3_3",
      "relu3_3",
      "relu3_4",
      "relu4_2",
      "conv4_3",
      "relu4_3",
    ]);
    expect(text).toContain("conv3_3 is 14 and its ReLU 15, conv4_3 is 23\n  and its ReLU 24.");
    expect(text).toContain("take 8 and 17 for conv3_3 and conv4_3 take relu2_2 and relu3_4.");
    expect(text).toContain("have relu4_2 as their last in VGG-19.");
  });

  it("has examples that run", async () => {
    expect(await tf.setBackend("cpu")).toBe(true);
    const stub = (name: string, wanted: readonly string[]) => {
      const image = layers.inputLayer({ inputShape: [null, null, 3] });
      return sequential({ name, layers: [image, ...wanted.map((layer) => convolution(layer, 2))] });
    };
    const networks = [
      vgg(),
      stub("resnet50", ["conv3_block4_out", "conv4_block6_out"]),
      stub("mobilenet", ["conv_pw_5_relu", "conv_pw_11_relu"]),
    ];
    const scope = {
      tf: {
        ...tf,
        loadLayersModel: async (url: string) => networks.find(({ name }) => url.includes(`/${name}/`)),
      },
      model: sequential({ layers: [layers.dense({ inputShape: [1], units: 1 })] }),
      perceptualLoss,
    };
    const results = "{ caffe, image: [loss, pix2pixHD, resnetLoss, mobilenetLoss], grey: [greyLoss] }";
    const body = `return (async () => { ${code.join("\n")} return ${results}; })();`;
    const examples: Examples = await new Function(...Object.keys(scope), body)(...Object.values(scope));
    const { caffe, image, grey } = examples;

    const [y, x] = [tf.tensor(original, shape), tf.tensor(restored, shape)];
    const [red = 0, green = 0, blue = 0] = original;
    expectClose(floats(caffe(y)).slice(0, 3), [255 * blue - 103.939, 255 * green - 116.779, 255 * red - 123.68]);
    const steepness = (loss: TfjsLoss, one: tf.Tensor, other: tf.Tensor) =>
      numberOf(tf.norm(tf.grad((given) => loss(one, given))(other)));
    for (const loss of image) expect(steepness(loss, y, x)).toBeGreaterThan(0);
    const [one, other] = [original, restored].map((pixels) => tf.tensor(pixels.slice(0, 1568), [2, 784]));
    for (const loss of grey) expect(steepness(loss, one ?? y, other ?? x)).toBeGreaterThan(0);
    expect([image.length, grey.length]).toEqual([4, 1]);
  });
});

describe("the built entry", () => {
  it("has the kernels from simdloss, by that name, and no copy of them", () => {
    const text = textOf("dist/tfjs.js");
    const imported = [...text.matchAll(/^import .* from "(.*)";$/gm)].map(([, from]) => from);
    expect(imported).toEqual(["@tensorflow/tfjs-core", "simdloss"]);
    expect(text).not.toMatch(/\bWebAssembly\.|AGFzbQ/);
    expect(text.length).toBeLessThan(40_000);
  });

  it("has the same losses as the source, and can be required", async () => {
    expect(await tf.setBackend("cpu")).toBe(true);
    const required: unknown = createRequire(import.meta.url)("simdloss/tfjs");
    expect(Object.keys(Object(required)).sort()).toEqual(["perceptualLoss", "tfjsLoss"]);
    expect(Object.keys(built).sort()).toEqual(["perceptualLoss", "tfjsLoss"]);
    const network = vgg();
    const [y, x] = [tf.tensor(original, shape), tf.tensor(restored, shape)];
    const [packed, plain] = [built.perceptualLoss, perceptualLoss].map((lossOf) =>
      tf.valueAndGrad((image) => lossOf(network, { block3_conv3: 0.5 }, { reduction: "sum" })(y, image))(x),
    );
    if (packed === undefined || plain === undefined) throw new Error("no results");
    // Where they differ, dist/ may be out of date: npm run build.
    expect(numberOf(packed.value)).toBe(numberOf(plain.value));
    expect(floats(packed.grad)).toEqual(floats(plain.grad));
  });
});
