/** tfjsLoss on two backends of TensorFlow.js, against its own losses and against the losses that it was given. */
import * as tf from "@tensorflow/tfjs-core";
import { layers, type Sequential, sequential } from "@tensorflow/tfjs-layers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as losses from "../src/index.js";
import * as reference from "../src/reference/index.js";
import { type TfjsLoss, tfjsLoss } from "../src/tfjs/index.js";
import { backends, expectClose, floats, tolerance } from "./tensors.js";

/** Not a multiple of a vector, and neither sorted nor symmetric. */
const shape: [number, number] = [7, 13];
const numbers = tf.util.sizeFromShape(shape);
const spread = Float32Array.from({ length: numbers }, (_, k) => 6 * Math.sin(1.7 * k + 0.3));
const other = Float32Array.from({ length: numbers }, (_, k) => 2 * Math.cos(2.9 * k));
/** Away from 0 and 1, where TensorFlow.js adds its epsilon and this package clamps. */
const probabilities = Float32Array.from({ length: numbers }, (_, k) => 0.5 + 0.4 * Math.sin(1.7 * k));
const targets = Float32Array.from({ length: numbers }, (_, k) => 0.5 + 0.5 * Math.cos(2.9 * k));
const labels = Float32Array.from({ length: numbers }, (_, k) => ((k * k) % 3) & 1);

const rivals: { name: string; ours: TfjsLoss; theirs: TfjsLoss; yTrue: Float32Array; yPred: Float32Array }[] = [
  {
    name: "mse",
    ours: tfjsLoss(losses.mse),
    theirs: (yTrue, yPred) => tf.losses.meanSquaredError(yTrue, yPred),
    yTrue: other,
    yPred: spread,
  },
  {
    name: "mae",
    ours: tfjsLoss(losses.mae),
    theirs: (yTrue, yPred) => tf.losses.absoluteDifference(yTrue, yPred),
    yTrue: other,
    yPred: spread,
  },
  {
    name: "huber",
    ours: tfjsLoss(losses.huber, { delta: 1.5 }),
    theirs: (yTrue, yPred) => tf.losses.huberLoss(yTrue, yPred, undefined, 1.5),
    yTrue: other,
    yPred: spread,
  },
  {
    name: "bce",
    ours: tfjsLoss(losses.bce),
    theirs: (yTrue, yPred) => tf.losses.logLoss(yTrue, yPred),
    yTrue: targets,
    yPred: probabilities,
  },
  {
    name: "bceWithLogits",
    ours: tfjsLoss(losses.bceWithLogits, { labelSmoothing: 0.1 }),
    theirs: (yTrue, yPred) => tf.losses.sigmoidCrossEntropy(yTrue, yPred, undefined, 0.1),
    yTrue: targets,
    yPred: spread,
  },
];

for (const backend of backends) {
  describe(`tfjsLoss on the ${backend} backend`, () => {
    beforeAll(async () => {
      expect(await tf.setBackend(backend)).toBe(true);
    });
    beforeEach(() => tf.engine().startScope());
    afterEach(() => tf.engine().endScope());

    for (const { name, ours, theirs, yTrue, yPred } of rivals) {
      it(`${name} has the value and the gradient of TensorFlow.js`, () => {
        const y = tf.tensor(yTrue, shape);
        const x = tf.tensor(yPred, shape);
        const actual = tf.valueAndGrad((prediction) => ours(y, prediction))(x);
        const expected = tf.valueAndGrad((prediction) => theirs(y, prediction))(x);
        expect(actual.value.shape).toEqual([]);
        expect(actual.grad.shape).toEqual(shape);
        expectClose(floats(actual.value), floats(expected.value));
        expectClose(floats(actual.grad), floats(expected.grad));
      });
    }

    it("has the bits of the loss that it was given, with its options", () => {
      const options = { alpha: 0.7, gamma: 3, reduction: "sum", weights: targets } as const;
      const expected = losses.focalWithLogits.valueAndGrad(spread, labels, options);
      const loss = tfjsLoss(losses.focalWithLogits, options);
      const { value, grad } = tf.valueAndGrad((x) => loss(tf.tensor(labels, shape), x))(tf.tensor(spread, shape));
      expect(floats(value)[0]).toBe(Math.fround(expected.value));
      expect(floats(grad)).toEqual(expected.grad);
    });

    it("takes the losses of simdloss/reference", () => {
      const y = tf.tensor(other);
      const ours = tf.valueAndGrad((x) => tfjsLoss(losses.charbonnier, { epsilon: 0.1 })(y, x));
      const plain = tf.valueAndGrad((x) => tfjsLoss(reference.charbonnier, { epsilon: 0.1 })(y, x));
      const x = tf.tensor(spread);
      expectClose(floats(ours(x).value), floats(plain(x).value));
      expectClose(floats(ours(x).grad), floats(plain(x).grad));
    });

    it("sends its gradient through the network below", () => {
      const inputs = tf.tensor(spread, shape);
      const y = tf.tensor(targets.subarray(0, 14), [7, 2]);
      const weights = tf.variable(tf.mul(tf.tensor(other.subarray(0, 26), [13, 2]), 0.05));
      const loss = tfjsLoss(losses.huber, { delta: 0.5 });
      const { value, grads } = tf.variableGrads(() => loss(y, tf.tanh(tf.matMul(inputs, weights))), [weights]);

      const prediction = tf.tanh(tf.matMul(inputs, weights));
      const direct = losses.huber.valueAndGrad(floats(prediction), floats(y), { delta: 0.5 });
      const above = tf.mul(tf.tensor(direct.grad, [7, 2]), tf.sub(1, tf.square(prediction)));
      expectClose(floats(value), [direct.value]);
      expectClose(floats(grads[weights.name] ?? tf.tensor([])), floats(tf.matMul(inputs, above, true)));
      weights.dispose();
    });

    it("scales its gradient by the gradient from above", () => {
      const y = tf.tensor(other);
      const loss = tfjsLoss(losses.logCosh);
      const scaled = tf.grad((x) => tf.square(tf.mul(3, loss(y, x))))(tf.tensor(spread));
      const { value, grad } = losses.logCosh.valueAndGrad(spread, other);
      expectClose(
        floats(scaled),
        grad.map((slope) => 18 * value * slope),
      );
      const given = tf.grad((x) => loss(y, x))(tf.tensor(spread), tf.scalar(-2));
      expect(floats(given)).toEqual(grad.map((slope) => -2 * slope));
    });

    it("takes shapes of any rank, a batch of one size after another", () => {
      const loss = tfjsLoss(losses.mse);
      for (const shape of [[], [1], [3], [2, 3], [2, 3, 2, 2], [0, 4]]) {
        const zeros = tf.zeros(shape);
        const { value, grad } = tf.valueAndGrad((x) => loss(zeros, x))(tf.ones(shape));
        expect(floats(value)[0]).toBe(zeros.size === 0 ? Number.NaN : 1);
        expect(grad.shape).toEqual(shape);
        expect(floats(grad)).toEqual(new Float32Array(zeros.size).fill(2 / zeros.size));
      }
    });

    it("takes int32 and bool targets", () => {
      const loss = tfjsLoss(losses.bceWithLogits);
      const expected = losses.bceWithLogits(spread, labels);
      for (const dtype of ["int32", "bool"] as const) {
        const value = loss(tf.tensor(labels, shape, dtype), tf.tensor(spread, shape));
        expect(floats(value)[0]).toBe(Math.fround(expected));
      }
    });

    it("leaves no tensor behind but its results", () => {
      const y = tf.tensor(other);
      const x = tf.variable(tf.tensor(spread));
      const loss = tfjsLoss(losses.mae);
      const tensors = tf.memory().numTensors;
      loss(y, x).dispose();
      expect(tf.memory().numTensors - tensors).toBe(0);
      for (let step = 0; step < 3; step++) {
        const { value, grads } = tf.variableGrads(() => loss(y, tf.mul(x, 2)), [x]);
        expect(tf.memory().numTensors - tensors).toBe(2);
        tf.dispose([value, grads]);
        expect(tf.memory().numTensors - tensors).toBe(0);
      }
      x.dispose();
    });

    it("leaves no tensor behind when the loss refuses a value", () => {
      const y = tf.tensor([0, 1]);
      const x = tf.variable(tf.tensor([0.5, 1.5]));
      const tensors = tf.memory().numTensors;
      expect(() => tf.variableGrads(() => tfjsLoss(losses.bce)(y, x), [x])).toThrow("bce: prediction 1.5 at 1");
      expect(tf.memory().numTensors - tensors).toBe(0);
      x.dispose();
    });

    it("trains a model by compile and fit, again and again, and leaves no tensor behind", async () => {
      const inputs = tf.tensor2d(probabilities, [numbers, 1]);
      const y = tf.add(tf.mul(inputs, 2), 1);
      const model = small();
      model.compile({ loss: tfjsLoss(losses.huber), optimizer: tf.train.adam(0.02), metrics: [tfjsLoss(losses.mae)] });
      const train = () => model.fit(inputs, y, { epochs: 30, batchSize: 16, shuffle: false, verbose: 0 });

      const { history } = await train();
      const [first, ...later] = history.loss ?? [];
      const last = later.at(-1);
      expect(last).toBeLessThan(0.1 * Number(first));
      expect(Object.keys(history)).toEqual(["loss", "mae"]);

      const tensors = tf.memory().numTensors;
      const again = await train();
      expect(tf.memory().numTensors - tensors).toBe(0);
      expect(again.history.loss?.at(-1)).toBeLessThan(Number(last));
      model.dispose();
    });

    it("trains as TensorFlow.js trains with its own loss", async () => {
      const inputs = tf.tensor2d(probabilities, [numbers, 1]);
      const y = tf.tensor2d(targets, [numbers, 1]);
      const histories: ArrayLike<number>[] = [];
      for (const loss of [tfjsLoss(losses.mse), "meanSquaredError"]) {
        const model = small();
        model.compile({ loss, optimizer: "sgd" });
        const { history } = await model.fit(inputs, y, { epochs: 5, batchSize: 16, shuffle: false, verbose: 0 });
        histories.push(Float32Array.from(history.loss ?? [], Number));
        model.dispose();
      }
      const [ours, theirs] = histories;
      // Five epochs of six steps let the rounding grow.
      expect(
        Math.max(...Array.from(ours ?? [], (value, at) => Math.abs(value / (theirs?.[at] ?? 0) - 1))),
      ).toBeLessThan(10 * tolerance);
    });

    it("refuses a second derivative rather than leaving a term of it out", () => {
      const loss = tfjsLoss(losses.mse);
      const slope = tf.grad((x) => loss(tf.zeros([2]), tf.square(x)));
      expect(floats(slope(tf.tensor([1, 2])))).toEqual(Float32Array.of(2, 16));
      expect(() => tf.grad(slope)(tf.tensor([1, 2]))).toThrow("there is no second derivative");
    });
  });
}

/** Two layers that always start alike. */
function small(): Sequential {
  return sequential({
    layers: [
      layers.dense({
        units: 4,
        inputShape: [1],
        activation: "tanh",
        kernelInitializer: "ones",
        biasInitializer: "zeros",
      }),
      layers.dense({ units: 1, kernelInitializer: "ones" }),
    ],
  });
}

describe("tfjsLoss refuses", () => {
  const pair = () => tf.zeros([2, 3]);

  it("tensors of different shapes", () => {
    const loss = tfjsLoss(losses.huber);
    expect(() => loss(tf.zeros([3, 2]), pair())).toThrow(
      new RangeError("tfjsLoss(huber): yTrue must have the shape of yPred [2, 3], got [3, 2]"),
    );
    expect(() => loss(tf.scalar(0), pair())).toThrow(
      new RangeError("tfjsLoss(huber): yTrue must have the shape of yPred [2, 3], got []"),
    );
    expect(() => loss(tf.zeros([2, 3, 1]), pair())).toThrow(RangeError);
  });

  it("what is no tensor of numbers", () => {
    const loss = tfjsLoss(losses.huber);
    expect(() => loss(tf.tensor(["a"]), tf.zeros([1]))).toThrow(
      new TypeError("tfjsLoss(huber): yTrue must be float32 or int32 or bool, got string"),
    );
    expect(() => loss(pair(), tf.zeros([2, 3], "int32"))).toThrow(
      new TypeError("tfjsLoss(huber): yPred must be float32, got int32"),
    );
    // @ts-expect-error an array is no tensor
    expect(() => loss([1], tf.zeros([1]))).toThrow(
      new TypeError("tfjsLoss(huber): yTrue must be a tensor, got object"),
    );
  });

  it("options that the loss does not take, at once", () => {
    expect(() => tfjsLoss(losses.huber, { delta: -1 })).toThrow(
      new RangeError("huber: delta must be greater than 0, got -1"),
    );
    // @ts-expect-error a typo
    expect(() => tfjsLoss(losses.huber, { detla: 1 })).toThrow('huber: unknown option "detla"');
    // @ts-expect-error a scalar is what TensorFlow.js wants
    expect(() => tfjsLoss(losses.huber, { reduction: "none" })).toThrow(
      new RangeError('tfjsLoss(huber): reduction must be "mean" or "sum", got "none"'),
    );
    // @ts-expect-error the results are tensors
    expect(() => tfjsLoss(losses.huber, { out: {} })).toThrow(
      new TypeError("tfjsLoss(huber): out must be left out, the results are tensors"),
    );
    // @ts-expect-error the name of a loss is not the loss
    expect(() => tfjsLoss("huber")).toThrow(new TypeError("tfjsLoss: loss must be a loss of simdloss, got string"));
  });

  it("weights of another number than the elements, and values that the loss refuses", () => {
    expect(() => tfjsLoss(losses.mse, { weights: [1, 2] })(pair(), pair())).toThrow(
      new RangeError("mse: weights must have 6 elements like prediction, got 2"),
    );
    expect(() => tfjsLoss(losses.bce)(pair(), tf.fill([2, 3], 1.5))).toThrow(
      new RangeError("bce: prediction 1.5 at 0 is outside [0, 1]"),
    );
  });
});
