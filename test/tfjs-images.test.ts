/** tfjsLoss of SSIM on two backends of TensorFlow.js, against plain calls. */
import * as tf from "@tensorflow/tfjs-core";
import { initializers, layers, sequential } from "@tensorflow/tfjs-layers";
import * as built from "simdloss";
import * as builtTfjs from "simdloss/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import * as losses from "../src/index.js";
import * as reference from "../src/reference/index.js";
import { type TfjsLoss, tfjsLoss } from "../src/tfjs/index.js";
import { backends, expectClose, floats } from "./tensors.js";

/** No two sides are alike. */
const shape: [number, number, number, number] = [2, 13, 17, 3];
const [images, height, width, channels] = shape;
const size = { images, height, width, channels };
const numbers = tf.util.sizeFromShape(shape);
const target = Float32Array.from({ length: numbers }, (_, k) => 0.5 + 0.4 * Math.sin(0.7 * k + Math.sin(0.05 * k)));
const prediction = target.map((pixel, k) => pixel + 0.2 * Math.cos(2.9 * k));

const numberOf = (loss: tf.Tensor): number => floats(loss)[0] ?? Number.NaN;

/** 1 − SSIM and its gradient, as float32 and by the loss itself. */
function expected(given: typeof losses.ssim, x: Float32Array, y: Float32Array, options: Parameters<typeof given>[2]) {
  const { value, grad } = given.valueAndGrad(x, y, options);
  return { value: Math.fround(1 - value), grad: grad.map((slope) => 0 - slope) };
}

function found(loss: TfjsLoss, yTrue: tf.Tensor, yPred: tf.Tensor) {
  const { value, grad } = tf.valueAndGrad((image) => loss(yTrue, image))(yPred);
  expect(value.shape).toEqual([]);
  expect(grad.shape).toEqual(yPred.shape);
  return { value: numberOf(value), grad: floats(grad) };
}

const suites = Object.entries({ simdloss: losses, reference }).flatMap(([implementation, { ssim }]) =>
  backends.map((backend) => [implementation, backend, ssim] as const),
);

describe.each(suites)("tfjsLoss of %s' ssim on the %s backend", (_, backend, ssim) => {
  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true);
  });
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it("has what 1 lacks to the value of SSIM, and the gradient of that, to the bit", () => {
    const got = found(tfjsLoss(ssim), tf.tensor(target, shape), tf.tensor(prediction, shape));
    expect(got.value).toBeGreaterThan(0.01);
    expect(got).toEqual(expected(ssim, prediction, target, size));
  });

  it("finds the images in tensors of any shape by their size", () => {
    const wanted = expected(ssim, prediction, target, size);
    for (const other of [
      [images, numbers / images],
      [numbers],
      [images, height, width * channels],
      [2, 13, 17, 3, 1],
    ]) {
      const loss = tfjsLoss(ssim, { width, height, channels });
      const got = found(loss, tf.tensor(target, other), tf.tensor(prediction, other));
      expect(got).toEqual(wanted);
    }
    const grey = tfjsLoss(ssim, { width: width * channels, height });
    expect(
      found(grey, tf.tensor(target, [images, numbers / images]), tf.tensor(prediction, [images, numbers / images])),
    ).toEqual(expected(ssim, prediction, target, { images, height, width: width * channels }));
    const agreeing = tfjsLoss(ssim, { width, height, channels });
    expect(found(agreeing, tf.tensor(target, shape), tf.tensor(prediction, shape))).toEqual(wanted);
  });

  it("takes the peak, and bytes", () => {
    const bytes = Int32Array.from(target, (pixel) => Math.round(255 * pixel));
    const x = prediction.map((pixel) => 255 * pixel);
    const got = found(tfjsLoss(ssim, { peak: 255 }), tf.tensor(bytes, shape, "int32"), tf.tensor(x, shape));
    expect(got).toEqual(expected(ssim, x, Float32Array.from(bytes), { ...size, peak: 255 }));
    const mask = Uint8Array.from(target, (pixel) => Number(pixel > 0.5));
    expect(found(tfjsLoss(ssim), tf.tensor(mask, shape, "bool"), tf.tensor(prediction, shape))).toEqual(
      expected(ssim, prediction, Float32Array.from(mask), size),
    );
  });

  it("scales its gradient by the gradient from above, and refuses a second derivative", () => {
    const y = tf.tensor(target, shape);
    const x = tf.tensor(prediction, shape);
    const { value, grad } = expected(ssim, prediction, target, size);
    const scaled = tf.grad((image) => tf.square(tf.mul(3, tfjsLoss(ssim)(y, image))))(x);
    expectClose(
      floats(scaled),
      grad.map((slope) => 18 * value * slope),
    );
    const slope = tf.grad((image) => tfjsLoss(ssim)(y, tf.square(image)));
    expect(() => tf.grad(slope)(x)).toThrow("there is no second derivative");
  });

  it("is NaN, with nothing to differentiate, where there is no image", () => {
    const none = tf.zeros([0, 16, 16, 1]);
    expect(found(tfjsLoss(ssim), none, none)).toEqual({ value: Number.NaN, grad: new Float32Array(0) });
  });

  it("makes images alike, and leaves no tensor behind", () => {
    const y = tf.tensor(target, shape);
    const image = tf.variable(tf.tensor(prediction, shape));
    const optimizer = tf.train.adam(0.02);
    const loss = tfjsLoss(ssim);
    const step = () => optimizer.minimize(() => loss(y, image));
    step();
    const tensors = tf.memory().numTensors;
    for (let k = 0; k < 15; k++) step();
    expect(tf.memory().numTensors - tensors).toBe(0);
    loss(y, image).dispose();
    expect(tf.memory().numTensors - tensors).toBe(0);

    const [before, after] = [prediction, floats(image)].map((pixels) => ssim(pixels, target, size));
    expect(before).toBeLessThan(0.9);
    expect(after).toBeGreaterThan(0.97);
    optimizer.dispose();
    image.dispose();
  });
});

describe("tfjsLoss of ssim", () => {
  beforeAll(async () => {
    expect(await tf.setBackend("cpu")).toBe(true);
  });

  it("trains a model by compile and fit, by its name as a metric", async () => {
    // One a channel, six in all.
    const pictures = tf.tensor(target, [images * channels, height * width]);
    const initializer = (seed: number) => ({ kernelInitializer: initializers.glorotNormal({ seed }) });
    const model = sequential({
      layers: [
        layers.dense({ inputShape: [height * width], units: 6, activation: "tanh", ...initializer(1) }),
        layers.dense({ units: height * width, activation: "sigmoid", ...initializer(2) }),
      ],
    });
    const loss = tfjsLoss(losses.ssim, { width, height });
    model.compile({ optimizer: tf.train.adam(0.03), loss, metrics: [loss] });
    const { history } = await model.fit(pictures, pictures, { epochs: 30, verbose: 0, shuffle: false });
    expect(Object.keys(history)).toEqual(["loss", "ssim"]);
    const [first] = history.loss ?? [];
    expect(first).toBeGreaterThan(0.9);
    expect(history.loss?.at(-1)).toBeLessThan(0.3);
    pictures.dispose();
    model.dispose();
  });

  it("has the bits of the source when it is built", () => {
    const y = tf.tensor(target, shape);
    const x = tf.tensor(prediction, shape);
    // Where they differ, dist/ may be out of date: npm run build.
    expect(found(builtTfjs.tfjsLoss(built.ssim), y, x)).toEqual(found(tfjsLoss(losses.ssim), y, x));
  });

  it("is typed as what it takes and gives", () => {
    expectTypeOf(tfjsLoss(losses.ssim)).toEqualTypeOf<TfjsLoss>();
    expectTypeOf(tfjsLoss(losses.ssim, { width: 28, height: 28, channels: 3, peak: 255 })).toEqualTypeOf<TfjsLoss>();
  });
});

describe("tfjsLoss of ssim refuses", () => {
  const { ssim } = losses;
  const picture = () => tf.zeros([1, 12, 14, 3]);

  it("images on their side", () => {
    const loss = tfjsLoss(ssim, { width: 14, height: 12 });
    const lying = tf.zeros([8, 14, 12]);
    expect(() => loss(lying, lying)).toThrow(
      new RangeError("tfjsLoss(ssim): yPred must be [images, 12, 14], height before width, got [8, 14, 12]"),
    );
    const upright = tf.zeros([8, 12, 14]);
    expect(floats(loss(upright, upright))).toEqual(Float32Array.of(0));
  });

  it("options that are none, at once", () => {
    expect(() => tfjsLoss(ssim, { peak: 0 })).toThrow(
      new RangeError("ssim: peak must be finite and greater than 0, got 0"),
    );
    expect(() => tfjsLoss(ssim, { width: 8, height: 28 })).toThrow(
      new RangeError("ssim: width must be a whole number of at least 11, the side of the window, got 8"),
    );
    expect(() => tfjsLoss(ssim, { channels: 0 })).toThrow(
      new RangeError("ssim: channels must be a whole number of at least 1, got 0"),
    );
    expect(() => tfjsLoss(ssim, { width: 28 })).toThrow(
      new RangeError("tfjsLoss(ssim): width must come with height, got width alone"),
    );
    expect(() => tfjsLoss(ssim, { height: 28 })).toThrow(
      new RangeError("tfjsLoss(ssim): height must come with width, got height alone"),
    );
    // @ts-expect-error the tensors say it
    expect(() => tfjsLoss(ssim, { images: 2 })).toThrow(
      new TypeError('tfjsLoss(ssim): unknown option "images"; the options are width, height, channels, peak'),
    );
    // @ts-expect-error the value is the mean over all windows
    expect(() => tfjsLoss(ssim, { reduction: "sum" })).toThrow(
      new TypeError('tfjsLoss(ssim): unknown option "reduction"; the options are width, height, channels, peak'),
    );
    // @ts-expect-error pixels have no weights
    expect(() => tfjsLoss(ssim, { weights: [1] })).toThrow('tfjsLoss(ssim): unknown option "weights"');
    // @ts-expect-error the results are tensors
    expect(() => tfjsLoss(ssim, { out: {} })).toThrow(
      new TypeError("tfjsLoss(ssim): out must be left out, the results are tensors"),
    );
    // @ts-expect-error sizes are numbers
    expect(() => tfjsLoss(ssim, { width: "28", height: 28 })).toThrow(
      new TypeError('ssim: width must be a number, got "28"'),
    );
  });

  it("tensors of another kind or shape", () => {
    const loss = tfjsLoss(ssim);
    expect(() => loss(picture(), tf.zeros([1, 12, 14, 3], "int32"))).toThrow(
      new TypeError("tfjsLoss(ssim): yPred must be float32, got int32"),
    );
    // @ts-expect-error an array is no tensor
    expect(() => loss([0], picture())).toThrow(new TypeError("tfjsLoss(ssim): yTrue must be a tensor, got object"));
    expect(() => loss(tf.zeros([1, 14, 12, 3]), picture())).toThrow(
      new RangeError("tfjsLoss(ssim): yTrue must have the shape of yPred [1, 12, 14, 3], got [1, 14, 12, 3]"),
    );
    expect(() => loss(tf.zeros([1, 12, 10, 3]), tf.zeros([1, 12, 10, 3]))).toThrow(
      new RangeError("ssim: width must be a whole number of at least 11, the side of the window, got 10"),
    );
    expect(() => loss(tf.zeros([28, 28]), tf.zeros([28, 28]))).toThrow(
      new RangeError(
        "tfjsLoss(ssim): yPred must be [images, height, width, channels] where width and height are not given, got [28, 28]",
      ),
    );
  });

  it("tensors of another size than the options'", () => {
    for (const [options, message] of [
      [{ width: 12, height: 14 }, "height must be 12, as in yPred [1, 12, 14, 3], got 14"],
      [{ width: 12, height: 12 }, "width must be 14, as in yPred [1, 12, 14, 3], got 12"],
      [{ channels: 1 }, "channels must be 3, as in yPred [1, 12, 14, 3], got 1"],
    ] as const) {
      expect(() => tfjsLoss(ssim, options)(picture(), picture())).toThrow(new RangeError(`tfjsLoss(ssim): ${message}`));
    }
    const flat = tf.zeros([2, 1000]);
    expect(() => tfjsLoss(ssim, { width: 28, height: 28 })(flat, flat)).toThrow(
      new RangeError(
        "tfjsLoss(ssim): yPred must hold whole images of 28 × 28 × 1 (height × width × channels), got [2, 1000]",
      ),
    );
  });

  it("the other two of their family", () => {
    // @ts-expect-error a measure, which has no gradient
    expect(() => tfjsLoss(losses.psnr)).toThrow(new TypeError("tfjsLoss: loss must be a loss of simdloss, got psnr"));
    // @ts-expect-error a loss of features
    expect(() => tfjsLoss(losses.perceptual)).toThrow(
      new TypeError("tfjsLoss: loss must be a loss of simdloss, got perceptual, for which there is perceptualLoss"),
    );
  });
});
