/** tfjsLoss of the row losses on two backends of TensorFlow.js, against its own operations and against plain calls. */
import * as tf from "@tensorflow/tfjs-core";
import { layers, type Sequential, sequential } from "@tensorflow/tfjs-layers";
import { afterEach, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from "vitest";
import { huber } from "../src/index.js";
import { type TfjsGaussianLoss, type TfjsLoss, tfjsLoss } from "../src/tfjs/index.js";
import { expectBits } from "./bits.js";
import { rowImplementations } from "./rows/implementations.js";
import { backends, expectClose, floats } from "./tensors.js";

/** Neither a multiple of a vector, and their number is another than their length. */
const [rows, classes] = [7, 5];
const shape: [number, number] = [rows, classes];
const logits = Float32Array.from({ length: rows * classes }, (_, k) => 4 * Math.sin(1.7 * k + 0.3));
const teacher = Float32Array.from({ length: rows * classes }, (_, k) => 3 * Math.cos(2.9 * k));
const labels = Int32Array.from({ length: rows }, (_, row) => (row * row + 1) % classes);
const oneHot = Float32Array.from(logits, (_, k) => Number(labels[Math.floor(k / classes)] === k % classes));
const weights = Float32Array.from({ length: rows }, (_, row) => (row % 3) / 2);
const classWeights = Float32Array.from({ length: classes }, (_, c) => 0.5 + c);
const probabilities = softmax(logits);
const soft = softmax(teacher);

function softmax(given: Float32Array): Float32Array {
  const powers = given.map(Math.exp);
  return powers.map((power, k) => {
    const from = k - (k % classes);
    return power / powers.subarray(from, from + classes).reduce((sum, other) => sum + other, 0);
  });
}

interface Result {
  readonly value: number;
  readonly grad: Float32Array;
}

/** Value and gradient of one batch; the gradient has yPred's shape. */
function tried(loss: TfjsLoss, yTrue: tf.Tensor, yPred: tf.Tensor): Result {
  const { value, grad } = tf.valueAndGrad((x) => loss(yTrue, x))(yPred);
  expect(value.shape).toEqual([]);
  expect(value.dtype).toBe("float32");
  expect(grad.shape).toEqual(yPred.shape);
  return { value: floats(value)[0] ?? Number.NaN, grad: floats(grad) };
}

/** Fails unless they have the same bits, the value those of a float32. */
function expectResult(got: Result, expected: Result): void {
  expect(got.value).toBe(Math.fround(expected.value));
  expectBits(got.grad, expected.grad);
}

const suites = Object.entries(rowImplementations).flatMap(([implementation, losses]) =>
  backends.map((backend) => [implementation, backend, losses] as const),
);

describe.each(suites)("tfjsLoss of %s on the %s backend", (_, backend, losses) => {
  const { softmaxCrossEntropy, klDivergence, klDivergenceWithLogits, distillation, gaussianKl } = losses;

  beforeAll(async () => {
    expect(await tf.setBackend(backend)).toBe(true);
  });
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  describe("softmaxCrossEntropy", () => {
    const settings = [
      {},
      { reduction: "sum" },
      { labelSmoothing: 0.125 },
      { weights },
      { classWeights, classes },
      { classWeights: [1, 2, 3, 4, 5], labelSmoothing: 0.3, weights, reduction: "sum" },
    ] as const;

    /** Every coding of the same labels. */
    const sparse: readonly [title: string, yTrue: () => tf.Tensor][] = [
      ["int32", () => tf.tensor(labels, [rows], "int32")],
      ["an int32 column", () => tf.tensor(labels, [rows, 1], "int32")],
      ["float32", () => tf.tensor(labels, [rows], "float32")],
      ["a float32 column", () => tf.tensor(labels, [rows, 1], "float32")],
    ];
    const dense: readonly [title: string, yTrue: () => tf.Tensor][] = [
      ["one-hot float32", () => tf.tensor(oneHot, shape)],
      ["one-hot int32", () => tf.tensor(oneHot, shape, "int32")],
      ["one-hot bool", () => tf.tensor(oneHot, shape, "bool")],
      ["tf.oneHot", () => tf.oneHot(tf.tensor(labels, [rows], "int32"), classes)],
    ];

    it.each([...sparse, ...dense])("has the bits of the plain call with the indices, labels as %s", (_, yTrue) => {
      for (const options of settings) {
        const expected = softmaxCrossEntropy.valueAndGrad(logits, labels, options);
        expectResult(tried(tfjsLoss(softmaxCrossEntropy, options), yTrue(), tf.tensor(logits, shape)), expected);
      }
    });

    it("has the bits of the plain call with soft targets", () => {
      for (const options of settings) {
        const expected = softmaxCrossEntropy.valueAndGrad(logits, soft, { ...options, classes });
        const loss = tfjsLoss(softmaxCrossEntropy, options);
        expectResult(tried(loss, tf.tensor(soft, shape), tf.tensor(logits, shape)), expected);
      }
    });

    it.each([0, 0.2])("has the value and the gradient of TensorFlow.js, label smoothing %d", (labelSmoothing) => {
      const loss = tfjsLoss(softmaxCrossEntropy, { labelSmoothing });
      const x = tf.tensor(logits, shape);
      for (const targets of [oneHot, soft]) {
        const y = tf.tensor(targets, shape);
        const expected = tf.valueAndGrad((prediction) =>
          tf.losses.softmaxCrossEntropy(y, prediction, undefined, labelSmoothing),
        )(x);
        const { value, grad } = tried(loss, y, x);
        expectClose(Float32Array.of(value), floats(expected.value));
        expectClose(grad, floats(expected.grad));
      }
    });

    it.each(["sum", "mean"] as const)("has TensorFlow.js' weighted %s", (reduction) => {
      const [x, y, w] = [tf.tensor(logits, shape), tf.tensor(oneHot, shape), tf.tensor(weights)];
      const expected = tf.valueAndGrad((prediction) => {
        const sum = tf.losses.softmaxCrossEntropy(y, prediction, w, 0, tf.Reduction.SUM);
        return reduction === "sum" ? sum : tf.div(sum, tf.sum(w));
      })(x);
      const { value, grad } = tried(tfjsLoss(softmaxCrossEntropy, { weights, reduction }), tf.tensor1d(labels), x);
      expectClose(Float32Array.of(value), floats(expected.value));
      expectClose(grad, floats(expected.grad));
      // Rows of weight 0.
      for (const row of [0, 3, 6]) {
        expect(grad.subarray(row * classes, (row + 1) * classes).every((slope) => slope === 0)).toBe(true);
      }
    });

    it("reads sequences, [B, T, V], and a row alone", () => {
      const loss = tfjsLoss(softmaxCrossEntropy);
      const sequences: tf.Tensor[] = [
        tf.tensor([3, 1, 2, 0, 4, 2], [2, 3], "int32"),
        tf.tensor([3, 1, 2, 0, 4, 2], [2, 3]),
        tf.tensor([3, 1, 2, 0, 4, 2], [2, 3, 1], "int32"),
        tf.oneHot(tf.tensor([3, 1, 2, 0, 4, 2], [2, 3], "int32"), classes),
      ];
      const six = logits.subarray(0, 30);
      const expected = softmaxCrossEntropy.valueAndGrad(six, Int32Array.of(3, 1, 2, 0, 4, 2));
      for (const yTrue of sequences) expectResult(tried(loss, yTrue, tf.tensor(six, [2, 3, classes])), expected);

      const one = softmaxCrossEntropy.valueAndGrad(logits.subarray(0, 5), Int32Array.of(3));
      for (const yTrue of [tf.scalar(3, "int32"), tf.tensor1d([3]), tf.tensor1d([0, 0, 0, 1, 0])]) {
        expectResult(tried(loss, yTrue, tf.tensor(logits.subarray(0, 5))), one);
      }
    });

    it("weighs the rows of a sequence in row-major order", () => {
      const six = logits.subarray(0, 30);
      const y = Int32Array.of(3, 1, 2, 0, 4, 2);
      const options = { weights: [1, 0, 2, 3, 0.5, 0] };
      const expected = softmaxCrossEntropy.valueAndGrad(six, y, options);
      const loss = tfjsLoss(softmaxCrossEntropy, options);
      expectResult(tried(loss, tf.tensor(y, [2, 3], "int32"), tf.tensor(six, [2, 3, classes])), expected);
    });

    it.each(["int32", "float32"] as const)("leaves rows of the ignored label out, %s", (dtype) => {
      const masked = Int32Array.from(labels, (label, row) => (row % 3 === 1 ? -1 : label));
      const broken = logits.map((logit, k) => (masked[Math.floor(k / classes)] === -1 ? Number.NaN : logit));
      const loss = tfjsLoss(softmaxCrossEntropy, { ignoreIndex: -1 });
      const got = tried(loss, tf.tensor(masked, [rows, 1], dtype), tf.tensor(broken, shape));
      expectResult(got, softmaxCrossEntropy.valueAndGrad(broken, masked, { ignoreIndex: -1 }));

      const kept = [0, 2, 3, 5, 6];
      const rest = softmaxCrossEntropy.valueAndGrad(
        Float32Array.from(kept.flatMap((row) => Array.from(logits.subarray(row * classes, (row + 1) * classes)))),
        Int32Array.from(kept, (row) => labels[row] ?? 0),
      );
      expectClose(Float32Array.of(got.value), [rest.value]);
      for (let row = 0; row < rows; row++) {
        const at = kept.indexOf(row);
        const slopes = got.grad.subarray(row * classes, (row + 1) * classes);
        if (at < 0) expect(slopes.every((slope) => slope === 0)).toBe(true);
        else expectBits(slopes, rest.grad.subarray(at * classes, (at + 1) * classes));
      }
    });

    it("is NaN, of gradient 0, where every label is ignored and where there is no row", () => {
      const ignoring = tfjsLoss(softmaxCrossEntropy, { ignoreIndex: 255 });
      const ignored = tried(ignoring, tf.tensor1d([255, 255], "int32"), tf.ones([2, 3]));
      expect(ignored.value).toBeNaN();
      expect(ignored.grad.every((slope) => slope === 0)).toBe(true);

      const loss = tfjsLoss(softmaxCrossEntropy);
      const none = tf.zeros([0, 3]);
      for (const yTrue of [none, tf.zeros([0]), tf.zeros([0, 1], "int32")]) {
        expectResult(tried(loss, yTrue, none), { value: Number.NaN, grad: new Float32Array(0) });
      }
    });

    it("takes [..., 1] as soft targets where there is but one class, and [...] as labels", () => {
      const loss = tfjsLoss(softmaxCrossEntropy, { classWeights: [1], reduction: "sum" });
      const x = tf.tensor2d([[2], [3]]);
      // As a label, 5 would be no class.
      const expected = softmaxCrossEntropy.valueAndGrad(Float32Array.of(2, 3), Float32Array.of(0.5, 5), {
        classes: 1,
        reduction: "sum",
      });
      expectResult(tried(loss, tf.tensor2d([[0.5], [5]]), x), expected);
      const labelled = tried(loss, tf.tensor1d([0, 0], "int32"), x);
      expect(labelled.value).toBe(0);
      expect(labelled.grad.every((slope) => slope === 0)).toBe(true);
      expect(() => loss(tf.tensor1d([0, 5], "int32"), x)).toThrow(
        "softmaxCrossEntropy: label 5 at row 1 is not in 0…0",
      );
    });

    it("takes batches of one number of classes after another", () => {
      const loss = tfjsLoss(softmaxCrossEntropy);
      for (const classes of [2, 5, 3]) {
        const got = tried(loss, tf.tensor1d([1, 0], "int32"), tf.zeros([2, classes]));
        expectResult(got, softmaxCrossEntropy.valueAndGrad(new Float32Array(2 * classes), Int32Array.of(1, 0)));
        expectClose(Float32Array.of(got.value), [Math.log(classes)]);
      }
    });

    it("trains a model: class indices and one-hot targets end in the same weights", async () => {
      const inputs = tf.tensor2d(teacher.subarray(0, 24), [12, 2]);
      const truth = Int32Array.from({ length: 12 }, (_, row) => {
        const [a = 0, b = 0] = teacher.subarray(2 * row, 2 * row + 2);
        return a > b ? 0 : a + b > 0 ? 1 : 2;
      });
      expect(new Set(truth).size).toBe(3);
      const targets = [
        () => tf.tensor(truth, [12, 1], "int32"),
        () => tf.tensor(truth, [12], "int32"),
        () => tf.tensor(truth, [12, 1], "float32"),
        () => tf.oneHot(tf.tensor(truth, [12], "int32"), 3),
      ];
      const compiled = () => {
        const model = small();
        model.compile({ optimizer: tf.train.sgd(0.5), loss: tfjsLoss(softmaxCrossEntropy) });
        return model;
      };

      const model = compiled();
      const { history } = await model.fit(inputs, targets[3]?.() ?? inputs, {
        epochs: 20,
        batchSize: 4,
        shuffle: false,
        verbose: 0,
      });
      const [first, ...later] = history.loss ?? [];
      expect(later.at(-1)).toBeLessThan(0.5 * Number(first));
      const trained = model.getWeights().map(floats);
      model.dispose();

      for (const target of targets) {
        const other = compiled();
        const tensors = tf.memory().numTensors;
        const { history: otherHistory } = await other.fitDataset(batches(inputs, target, 4), {
          epochs: 20,
          verbose: 0,
        });
        expect(tf.memory().numTensors - tensors).toBe(0);
        expect(otherHistory.loss?.length).toBe(20);
        other.getWeights().forEach((weight, k) => {
          expectBits(floats(weight), trained[k] ?? new Float32Array(0));
        });
        other.dispose();
      }
    });

    it("gets class indices by fitDataset only: fit compares targets with the output", async () => {
      const model = small();
      model.compile({ optimizer: "sgd", loss: tfjsLoss(softmaxCrossEntropy) });
      const fit = model.fit(tf.zeros([4, 2]), tf.zeros([4, 1], "int32"), { verbose: 0 });
      await expect(fit).rejects.toThrow("target expected a batch of elements where each example has shape [3]");
      model.dispose();
    });

    it("is a metric, too, under its own name", async () => {
      const model = small();
      const loss = tfjsLoss(softmaxCrossEntropy);
      model.compile({ optimizer: "sgd", loss, metrics: [loss] });
      const { history } = await model.fit(tf.zeros([4, 2]), tf.oneHot(tf.tensor1d([0, 1, 2, 0], "int32"), 3), {
        epochs: 1,
        verbose: 0,
      });
      expect(Object.keys(history)).toEqual(["loss", "softmaxCrossEntropy"]);
      expectClose(Float32Array.of(Number(history.softmaxCrossEntropy?.[0])), [Math.log(3)]);
      model.dispose();
    });
  });

  describe("divergences", () => {
    const pairs: {
      title: string;
      ours: () => TfjsLoss;
      plain: () => Result;
      theirs: (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Tensor;
      yTrue: Float32Array;
      yPred: Float32Array;
    }[] = [
      {
        title: "klDivergence",
        ours: () => tfjsLoss(klDivergence),
        plain: () => klDivergence.valueAndGrad(probabilities, soft, { classes }),
        theirs: (y, x) => tf.sum(tf.mul(y, tf.sub(tf.log(y), tf.log(x))), -1),
        yTrue: soft,
        yPred: probabilities,
      },
      {
        title: "klDivergenceWithLogits",
        ours: () => tfjsLoss(klDivergenceWithLogits),
        plain: () => klDivergenceWithLogits.valueAndGrad(logits, soft, { classes }),
        theirs: (y, x) => tf.sum(tf.mul(y, tf.sub(tf.log(y), tf.logSoftmax(x))), -1),
        yTrue: soft,
        yPred: logits,
      },
      {
        title: "distillation",
        ours: () => tfjsLoss(distillation, { temperature: 2.5 }),
        plain: () => distillation.valueAndGrad(logits, teacher, { temperature: 2.5, classes }),
        theirs: (y, x) => {
          const [t, s] = [tf.logSoftmax(tf.div(y, 2.5)), tf.logSoftmax(tf.div(x, 2.5))];
          return tf.mul(6.25, tf.sum(tf.mul(tf.exp(t), tf.sub(t, s)), -1));
        },
        yTrue: teacher,
        yPred: logits,
      },
    ];

    it.each(pairs)("$title has the bits of the plain call", ({ ours, plain, yTrue, yPred }) => {
      const expected = plain();
      expectResult(tried(ours(), tf.tensor(yTrue, shape), tf.tensor(yPred, shape)), expected);
      const cube: [number, number, number] = [rows, 1, classes];
      expectResult(tried(ours(), tf.tensor(yTrue, cube), tf.tensor(yPred, cube)), expected);
    });

    it.each(pairs)("$title has the value and the gradient that TensorFlow.js works out", (pair) => {
      const y = tf.tensor(pair.yTrue, shape);
      const x = tf.tensor(pair.yPred, shape);
      const expected = tf.valueAndGrad((prediction) => tf.mean(pair.theirs(y, prediction)))(x);
      const { value, grad } = tried(pair.ours(), y, x);
      expectClose(Float32Array.of(value), floats(expected.value));
      expectClose(grad, floats(expected.grad));
    });

    it("take int32 and bool targets", () => {
      const expected = klDivergence.valueAndGrad(probabilities, oneHot, { classes });
      for (const dtype of ["int32", "bool"] as const) {
        const got = tried(tfjsLoss(klDivergence), tf.tensor(oneHot, shape, dtype), tf.tensor(probabilities, shape));
        expectResult(got, expected);
      }
    });

    it("take their parameters, weights, one per row, and sums", () => {
      // Above the smallest probabilities.
      const options = { weights, reduction: "sum", epsilon: 0.01, classes } as const;
      const expected = klDivergence.valueAndGrad(probabilities, soft, options);
      const loss = tfjsLoss(klDivergence, options);
      expectResult(tried(loss, tf.tensor(soft, shape), tf.tensor(probabilities, shape)), expected);
    });

    it("give the teacher no gradient", () => {
      const student = tf.variable(tf.tensor(logits, shape), true, "student");
      const master = tf.variable(tf.tensor(teacher, shape), true, "master");
      const loss = tfjsLoss(distillation, { temperature: 2 });
      const { grads } = tf.variableGrads(() => loss(master, student), [student, master]);
      expect(Object.keys(grads)).toEqual(["student"]);
      const expected = distillation.grad(logits, teacher, { temperature: 2, classes });
      expectBits(floats(grads.student ?? tf.tensor([])), expected);
      student.dispose();
      master.dispose();
    });
  });

  describe("gaussianKl", () => {
    const mean = logits;
    const logVariance = teacher;

    it("has the bits of the plain call, with gradients to both", () => {
      for (const options of [
        {},
        { weights },
        { reduction: "sum", latent: classes },
        { weights, reduction: "sum" },
      ] as const) {
        const expected = gaussianKl.valueAndGrad(mean, logVariance, { ...options, latent: classes });
        const both = tf.valueAndGrads(tfjsLoss(gaussianKl, options));
        const { value, grads } = both([tf.tensor(mean, shape), tf.tensor(logVariance, shape)]);
        expect(value.shape).toEqual([]);
        expect(floats(value)[0]).toBe(Math.fround(expected.value));
        expect(grads.map((grad) => grad.shape)).toEqual([shape, shape]);
        const [byMean, byLogVariance] = grads.map(floats);
        expectBits(byMean ?? new Float32Array(0), expected.grad.mean);
        expectBits(byLogVariance ?? new Float32Array(0), expected.grad.logVariance);
      }
    });

    it("has the value and the gradients that TensorFlow.js works out", () => {
      const inputs = [tf.tensor(mean, shape), tf.tensor(logVariance, shape)];
      const expected = tf.valueAndGrads((m: tf.Tensor, l: tf.Tensor) =>
        tf.mean(tf.mul(0.5, tf.sum(tf.sub(tf.add(tf.square(m), tf.exp(l)), tf.add(l, 1)), -1))),
      )(inputs);
      const { value, grads } = tf.valueAndGrads(tfjsLoss(gaussianKl))(inputs);
      expectClose(floats(value), floats(expected.value));
      grads.forEach((grad, k) => {
        expectClose(floats(grad), floats(expected.grads[k] ?? grad));
      });
    });

    it("sends each gradient on, or one alone", () => {
      const m = tf.variable(tf.tensor(mean, shape), true, "m");
      const l = tf.variable(tf.tensor(logVariance, shape), true, "l");
      const loss = tfjsLoss(gaussianKl);
      const plain = gaussianKl.grad(mean, logVariance, { latent: classes });
      const { grads } = tf.variableGrads(() => tf.mul(-2, loss(m, l)), [m, l]);
      expect(Object.keys(grads).sort()).toEqual(["l", "m"]);
      expectBits(
        floats(grads.m ?? m),
        plain.mean.map((slope) => -2 * slope),
      );
      expectBits(
        floats(grads.l ?? l),
        plain.logVariance.map((slope) => -2 * slope),
      );
      expectBits(floats(tf.grad((x) => loss(x, l))(m)), plain.mean);
      expectBits(floats(tf.grad((x) => loss(m, x))(l)), plain.logVariance);
      m.dispose();
      l.dispose();
    });

    it("draws a Gaussian to the standard one", () => {
      const m = tf.variable(tf.tensor2d([[3, -2]]));
      const l = tf.variable(tf.tensor2d([[-1, 2]]));
      const loss = tfjsLoss(gaussianKl);
      const optimizer = tf.train.adam(0.1);
      for (let step = 0; step < 200; step++) optimizer.minimize(() => loss(m, l), false, [m, l]);
      const found = [...floats(m), ...floats(l)];
      expect(Math.max(...found.map(Math.abs))).toBeLessThan(0.05);
      optimizer.dispose();
      m.dispose();
      l.dispose();
    });
  });

  it("the docstring's examples give what they say", () => {
    const loss = tfjsLoss(softmaxCrossEntropy)(tf.tensor1d([0], "int32"), tf.tensor2d([[20, 0]]));
    expect(loss.dataSync()[0]?.toPrecision(7)).toBe("2.061154e-9");
    const [byMean, byLogVariance] = tf.grads(tfjsLoss(gaussianKl, { reduction: "sum" }))([
      tf.tensor2d([[3, 0]]),
      tf.tensor2d([[0, 0]]),
    ]);
    expect(byMean?.arraySync()).toEqual([[3, 0]]);
    expect(byLogVariance?.arraySync()).toEqual([[0, 0]]);
  });

  it("gradients go through the network below, scaled by the gradient from above", () => {
    const inputs = tf.tensor(teacher.subarray(0, 14), [rows, 2]);
    const kernel = tf.variable(tf.tensor(logits.subarray(0, 10), [2, classes]));
    const loss = tfjsLoss(softmaxCrossEntropy);
    const y = tf.tensor1d(labels);
    const { grads } = tf.variableGrads(() => tf.mul(3, loss(y, tf.matMul(inputs, kernel))), [kernel]);
    const direct = softmaxCrossEntropy.grad(floats(tf.matMul(inputs, kernel)), labels);
    const above = tf.mul(3, tf.tensor(direct, shape));
    expectClose(floats(grads[kernel.name] ?? tf.tensor([])), floats(tf.matMul(inputs, above, true)));
    kernel.dispose();
  });

  it("no tensor is left behind but the results", () => {
    const x = tf.variable(tf.tensor(logits, shape));
    const z = tf.variable(tf.tensor(teacher, shape));
    const hot = tf.tensor(oneHot, shape);
    const indices = tf.tensor(labels, [rows, 1], "float32");
    const entropy = tfjsLoss(softmaxCrossEntropy);
    const calls: (() => tf.Scalar)[] = [
      () => entropy(indices, x),
      () => entropy(hot, x),
      () => tfjsLoss(distillation)(z, x),
      () => tfjsLoss(gaussianKl)(x, z),
    ];
    const tensors = tf.memory().numTensors;
    for (const [k, call] of calls.entries()) {
      call().dispose();
      expect(tf.memory().numTensors - tensors).toBe(0);
      for (let step = 0; step < 3; step++) {
        const { value, grads } = tf.variableGrads(call, k === 3 ? [x, z] : [x]);
        expect(tf.memory().numTensors - tensors).toBe(k === 3 ? 3 : 2);
        tf.dispose([value, grads]);
        expect(tf.memory().numTensors - tensors).toBe(0);
      }
    }
    const refused = () => tf.variableGrads(() => entropy(tf.tensor1d([0, 1, 2, 3, 4, 5, 0], "int32"), x), [x]);
    expect(refused).toThrow("softmaxCrossEntropy: label 5 at row 5 is not in 0…4");
    expect(tf.memory().numTensors - tensors).toBe(0);
    x.dispose();
    z.dispose();
  });

  it("a second derivative is refused rather than left without a term", () => {
    const why = "the gradient must not be differentiated, there is no second derivative";
    const x = tf.tensor(logits, shape);
    const entropy = tfjsLoss(softmaxCrossEntropy);
    const slope = tf.grad((prediction) => entropy(tf.tensor1d(labels), tf.square(prediction)));
    expect(() => tf.grad(slope)(x)).toThrow(`tfjsLoss(softmaxCrossEntropy): ${why}`);
    const gaussian = tfjsLoss(gaussianKl);
    const byMean = tf.grad((mean) => gaussian(mean, x));
    const byLogVariance = tf.grad((logVariance) => gaussian(x, logVariance));
    expect(() => tf.grad(byMean)(x)).toThrow(`tfjsLoss(gaussianKl): ${why}`);
    expect(() => tf.grad(byLogVariance)(x)).toThrow(`tfjsLoss(gaussianKl): ${why}`);
  });

  describe("refuses", () => {
    const who = "tfjsLoss(softmaxCrossEntropy):";
    const batch = () => tf.zeros([2, 3]);

    it("labels that are no classes", () => {
      const loss = tfjsLoss(softmaxCrossEntropy);
      const given = (labels: number[], dtype: "float32" | "int32") => () =>
        loss(tf.tensor(labels, [2], dtype), batch());
      expect(given([0, 1.5], "float32")).toThrow(new RangeError(`${who} label 1.5 at row 1 is not a whole number`));
      expect(given([Number.NaN, 1], "float32")).toThrow(
        new RangeError(`${who} label NaN at row 0 is not a whole number`),
      );
      expect(given([0, -Infinity], "float32")).toThrow(
        new RangeError(`${who} label -Infinity at row 1 is not a whole number`),
      );
      // 2³² is 0 in int32.
      expect(given([2 ** 32, 0], "float32")).toThrow(new RangeError(`${who} label 4294967296 at row 0 is not in 0…2`));
      for (const dtype of ["float32", "int32"] as const) {
        expect(given([0, 3], dtype)).toThrow(new RangeError("softmaxCrossEntropy: label 3 at row 1 is not in 0…2"));
        expect(given([-1, 0], dtype)).toThrow(new RangeError("softmaxCrossEntropy: label -1 at row 0 is not in 0…2"));
      }
      expect(() =>
        loss(
          tf.tensor2d([
            [0, 1, 0],
            [0, -1, 0],
          ]),
          batch(),
        ),
      ).toThrow(new RangeError("softmaxCrossEntropy: target -1 at 4 is less than 0"));
    });

    it("targets of another shape", () => {
      const loss = tfjsLoss(softmaxCrossEntropy);
      const shapes = `${who} yTrue must have the shape of yPred [2, 3], or [2] or [2, 1] for class indices`;
      for (const shape of [[3], [3, 2], [2, 2], [1, 2], [], [2, 3, 1], [2, 1, 1]]) {
        expect(() => loss(tf.zeros(shape), batch())).toThrow(new RangeError(`${shapes}, got [${shape.join(", ")}]`));
      }
      expect(() => loss(tf.zeros([2]), tf.zeros([3, 1]))).toThrow(
        new RangeError(`${who} yTrue must have the shape of yPred [3, 1], or [3] for class indices, got [2]`),
      );
      for (const divergence of [tfjsLoss(klDivergence), tfjsLoss(klDivergenceWithLogits), tfjsLoss(distillation)]) {
        expect(() => divergence(tf.zeros([2, 1]), batch())).toThrow(
          new RangeError(`tfjsLoss(${divergence.name}): yTrue must have the shape of yPred [2, 3], got [2, 1]`),
        );
      }
      expect(() => tfjsLoss(gaussianKl)(batch(), tf.zeros([3, 2]))).toThrow(
        new RangeError("tfjsLoss(gaussianKl): logVariance must have the shape of mean [2, 3], got [3, 2]"),
      );
    });

    it("tensors without rows", () => {
      const scalar = tf.scalar(1);
      expect(() => tfjsLoss(softmaxCrossEntropy)(scalar, scalar)).toThrow(
        new RangeError(`${who} yPred must have rows of at least 1 class along its last axis, got []`),
      );
      expect(() => tfjsLoss(klDivergence)(tf.zeros([2, 0]), tf.zeros([2, 0]))).toThrow(
        new RangeError(
          "tfjsLoss(klDivergence): yPred must have rows of at least 1 class along its last axis, got [2, 0]",
        ),
      );
      expect(() => tfjsLoss(gaussianKl)(scalar, scalar)).toThrow(
        new RangeError(
          "tfjsLoss(gaussianKl): mean must have rows of at least 1 latent variable along its last axis, got []",
        ),
      );
    });

    it("tensors of another kind", () => {
      const loss = tfjsLoss(softmaxCrossEntropy);
      expect(() => loss(tf.tensor1d([0, 1], "bool"), batch())).toThrow(
        new TypeError(`${who} yTrue must be float32 or int32 where it holds class indices, got bool`),
      );
      expect(() => loss(tf.tensor1d(["a", "b"]), batch())).toThrow(
        new TypeError(`${who} yTrue must be float32 or int32 or bool, got string`),
      );
      expect(() => loss(tf.tensor1d([0, 1]), tf.zeros([2, 3], "int32"))).toThrow(
        new TypeError(`${who} yPred must be float32, got int32`),
      );
      // @ts-expect-error an array is no tensor
      expect(() => loss(Int32Array.of(0, 1), batch())).toThrow(
        new TypeError(`${who} yTrue must be a tensor, got object`),
      );
      const gaussian = tfjsLoss(gaussianKl);
      expect(() => gaussian(tf.zeros([2, 3], "int32"), batch())).toThrow(
        new TypeError("tfjsLoss(gaussianKl): mean must be float32, got int32"),
      );
      expect(() => gaussian(batch(), tf.zeros([2, 3], "bool"))).toThrow(
        new TypeError("tfjsLoss(gaussianKl): logVariance must be float32, got bool"),
      );
    });

    it("another length of rows than the last axis", () => {
      expect(() => tfjsLoss(softmaxCrossEntropy, { classes: 2 })(tf.zeros([2]), batch())).toThrow(
        new RangeError(`${who} classes must be 3, the last axis of yPred [2, 3], got 2`),
      );
      expect(() => tfjsLoss(distillation, { classes: 6 })(batch(), batch())).toThrow(
        new RangeError("tfjsLoss(distillation): classes must be 3, the last axis of yPred [2, 3], got 6"),
      );
      expect(() => tfjsLoss(gaussianKl, { latent: 1 })(batch(), batch())).toThrow(
        new RangeError("tfjsLoss(gaussianKl): latent must be 3, the last axis of mean [2, 3], got 1"),
      );
    });

    it("an ignored label with soft targets", () => {
      expect(() => tfjsLoss(softmaxCrossEntropy, { ignoreIndex: 0 })(batch(), batch())).toThrow(
        new TypeError(`${who} ignoreIndex goes with class indices, got soft targets, of yPred's shape [2, 3]`),
      );
    });

    it("weights and class weights of another number, when called", () => {
      const y = tf.zeros([2], "int32");
      expect(() => tfjsLoss(softmaxCrossEntropy, { weights: [1, 2, 3] })(y, batch())).toThrow(
        new RangeError("softmaxCrossEntropy: weights must have 2 elements (one per row), got 3"),
      );
      expect(() => tfjsLoss(klDivergence, { weights: [1, -2] })(batch(), batch())).toThrow(
        new RangeError("klDivergence: weights must be finite and at least 0, got -2 at 1"),
      );
      expect(() => tfjsLoss(gaussianKl, { weights: [1] })(batch(), batch())).toThrow(
        new RangeError("gaussianKl: weights must have 2 elements (one per row), got 1"),
      );
      expect(() => tfjsLoss(softmaxCrossEntropy, { classWeights: [1, 2] })(y, batch())).toThrow(
        new RangeError("softmaxCrossEntropy: classWeights must have 3 elements (one per class), got 2"),
      );
    });

    it("options that the loss does not take, at once", () => {
      expect(() => tfjsLoss(softmaxCrossEntropy, { labelSmoothing: 2 })).toThrow(
        new RangeError("softmaxCrossEntropy: labelSmoothing must be in [0, 1], got 2"),
      );
      expect(() => tfjsLoss(softmaxCrossEntropy, { ignoreIndex: 0.5 })).toThrow(
        new RangeError("softmaxCrossEntropy: ignoreIndex must be a whole number, got 0.5"),
      );
      expect(() => tfjsLoss(softmaxCrossEntropy, { classes: 0 })).toThrow(
        new RangeError("softmaxCrossEntropy: classes must be a whole number of at least 1, got 0"),
      );
      expect(() => tfjsLoss(softmaxCrossEntropy, { classWeights: [1, -1, 2] })).toThrow(
        new RangeError("softmaxCrossEntropy: classWeights must be finite and at least 0, got -1 at 1"),
      );
      expect(() => tfjsLoss(softmaxCrossEntropy, { classWeights: [1, 2], classes: 3 })).toThrow(
        new RangeError("softmaxCrossEntropy: classWeights must have 3 elements (one per class), got 2"),
      );
      expect(() => tfjsLoss(klDivergence, { epsilon: 1 })).toThrow(
        new RangeError("klDivergence: epsilon must be at least 0 and less than 1, got 1"),
      );
      expect(() => tfjsLoss(distillation, { temperature: 0 })).toThrow(RangeError);
      expect(() => tfjsLoss(gaussianKl, { latent: 1.5 })).toThrow(
        new RangeError("gaussianKl: latent must be a whole number of at least 1, got 1.5"),
      );
    });

    it("what the types refuse as well, at once", () => {
      // @ts-expect-error another loss's parameter
      expect(() => tfjsLoss(softmaxCrossEntropy, { temperature: 1 })).toThrow(
        'softmaxCrossEntropy: unknown option "temperature"',
      );
      // @ts-expect-error one kind of rows has no labels
      expect(() => tfjsLoss(klDivergence, { ignoreIndex: 0 })).toThrow('klDivergence: unknown option "ignoreIndex"');
      // @ts-expect-error rows of latent variables
      expect(() => tfjsLoss(gaussianKl, { classes: 3 })).toThrow('gaussianKl: unknown option "classes"');
      // @ts-expect-error elements have no classes
      expect(() => tfjsLoss(huber, { classes: 3 })).toThrow('huber: unknown option "classes"');
      // @ts-expect-error one for each class
      expect(() => tfjsLoss(softmaxCrossEntropy, { classWeights: 3 })).toThrow(
        new TypeError(
          "softmaxCrossEntropy: classWeights must be a Float32Array, a Float64Array or an array of numbers, got 3",
        ),
      );
      // @ts-expect-error a scalar is what TensorFlow.js wants
      expect(() => tfjsLoss(distillation, { reduction: "none" })).toThrow(
        new RangeError('tfjsLoss(distillation): reduction must be "mean" or "sum", got "none"'),
      );
      // @ts-expect-error the results are tensors
      expect(() => tfjsLoss(gaussianKl, { out: {} })).toThrow(
        new TypeError("tfjsLoss(gaussianKl): out must be left out, the results are tensors"),
      );
      // @ts-expect-error weights by themselves
      expect(() => tfjsLoss(softmaxCrossEntropy, new Float32Array(0))).toThrow(
        new TypeError(`${who} options must be an object, got an array`),
      );
      // @ts-expect-error class weights by themselves
      expect(() => tfjsLoss(softmaxCrossEntropy, [])).toThrow(
        new TypeError(`${who} options must be an object, got an array`),
      );
    });
  });
});

it("the compiler knows what comes back", () => {
  const { softmaxCrossEntropy, klDivergence, distillation, gaussianKl } = rowImplementations.reference;
  expectTypeOf(tfjsLoss(softmaxCrossEntropy, { classWeights, ignoreIndex: -1 })).toEqualTypeOf<TfjsLoss>();
  expectTypeOf(tfjsLoss(klDivergence, { epsilon: 0 })).toEqualTypeOf<TfjsLoss>();
  expectTypeOf(tfjsLoss(distillation, { temperature: 2, classes: 3 })).toEqualTypeOf<TfjsLoss>();
  expectTypeOf(tfjsLoss(gaussianKl, { latent: 2 })).toEqualTypeOf<TfjsGaussianLoss>();
  expectTypeOf(tfjsLoss(huber)).toEqualTypeOf<TfjsLoss>();
  expect([softmaxCrossEntropy.kind, klDivergence.kind, gaussianKl.kind]).toEqual(["labels", "classes", "latent"]);
});

/** One layer that always starts alike. */
function small(): Sequential {
  return sequential({ layers: [layers.dense({ units: 3, inputShape: [2], kernelInitializer: "zeros" })] });
}

/** A data set of batches of so many rows, in order; fitDataset disposes of each. */
function batches(inputs: tf.Tensor, targets: () => tf.Tensor, size: number) {
  const count = inputs.shape[0] ?? 0;
  const part = (whole: tf.Tensor, from: number) => tf.slice(whole, [from], [size]);
  return {
    size: count / size,
    iterator: async () => {
      let from = 0;
      return {
        next: async (): Promise<IteratorResult<{ xs: tf.Tensor; ys: tf.Tensor }>> => {
          if (from === count) return { done: true, value: undefined };
          const at = from;
          from += size;
          return { done: false, value: tf.tidy(() => ({ xs: part(inputs, at), ys: part(targets(), at) })) };
        },
      };
    },
  };
}
