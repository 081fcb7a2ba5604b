/** What one thread would throw is what a pool's promise is rejected with, and no output has changed then. */
import { describe, expect, it } from "vitest";
import { ROUND } from "../../assembly/want.js";
import * as losses from "../../src/index.js";
import * as reference from "../../src/reference/index.js";
import { roundOf } from "../../src/rounds.js";
import { shared } from "../buffers.js";
import type { Floats } from "../implementations.js";
import { fill } from "../random.js";
import { alone, dividing, leaves, type Method, methods, pooled } from "./pools.js";

const two = dividing(2);
const three = dividing(3);

/** A rejection like what the loss throws, after which the outputs hold what they held. */
async function expectError(loss: object, prediction: unknown, target: unknown, options: object = {}, except?: Method) {
  for (const method of methods) {
    if (method === except) continue;
    const run = alone(loss, method);
    let expected: unknown;
    try {
      run(prediction, target, options);
    } catch (error) {
      expected = error;
    }
    if (!(expected instanceof Error)) throw new Error(`${method} throws nothing`);
    const kind = expected instanceof RangeError ? RangeError : TypeError;
    for (const pool of [two(), three()]) {
      const asked = pooled(pool, loss, method)(prediction, target, options);
      await expect(asked, method).rejects.toThrow(new kind(expected.message));
      await expect(asked).rejects.toBeInstanceOf(kind);
    }
  }
  for (const [name, leaf] of leaves(Reflect.get(options, "out"))) {
    if (typeof leaf !== "number" && !leaf.every((x) => x === 7)) expect.fail(`out${name} has changed`);
  }
}

const { bce, focal, gaussianKl, huber, klDivergence, mse, softmaxCrossEntropy } = losses;
const n = 2 * ROUND + 500;
const numbers = (at: (k: number) => number): Float32Array => Float32Array.from({ length: n }, (_, k) => at(k));
const half = numbers(() => 0.5);

/** One number wrong, in the first part, at the beginning of the last, or at its end. */
const places = [5, 2 * ROUND, n - 1];
const wrong = (x: number, at: number): Float32Array => numbers((k) => (k === at ? x : 0.5));
const sevens = (length = n): Float32Array => new Float32Array(length).fill(7);
const sharedSevens = (length = n): Floats => shared(Float32Array, sevens(length));

describe("numbers that are wrong, wherever they are", () => {
  it.each(places)("at %i", async (at) => {
    for (const make of [sevens, sharedSevens]) {
      const out = { grad: make(), hess: make() };
      await expectError(bce, wrong(1.5, at), half, { out });
      await expectError(bce, half, wrong(-1, at), { out });
      await expectError(focal, half, wrong(0.5, -1), { out });
      await expectError(mse, half, half, { out, weights: wrong(-1, at) });
      await expectError(mse, half, half, { out, weights: wrong(NaN, at) });
      await expectError(bce, wrong(2, at), half, { reduction: "none", out: { value: make(), grad: make() } });
    }
  });

  it("shared predictions are as they were, also where the gradient takes their place", async () => {
    const prediction = shared(Float32Array, wrong(1.5, n - 2));
    const before = prediction.slice();
    await expectError(bce, prediction, half);
    await expect(two().grad(bce, prediction, half, { out: { grad: prediction } })).rejects.toThrow("prediction 1.5 at");
    expect(prediction).toEqual(before);
  });

  it("the first is named in the order of one thread: predictions, targets, weights", async () => {
    const [first, last] = [3, n - 3];
    await expectError(bce, wrong(1.5, last), wrong(-1, first), { weights: wrong(-1, 1) });
    await expectError(bce, half, wrong(-1, last), { weights: wrong(-1, 1) });
    const both = wrong(1.5, first);
    both[last] = 2;
    await expectError(bce, both, half);
  });

  it("weights without a finite sum", async () => {
    const most = new Float64Array(n).fill(1e308);
    await expectError(mse, new Float64Array(n), new Float64Array(n), { weights: most });
  });
});

describe("rows that are wrong, wherever they are", () => {
  const length = 10;
  const rows = 2 * roundOf(length) + 100;
  const logits = fill(Float32Array, rows * length, (k) => Math.sin(k));
  const positive = logits.map(Math.abs);
  const labels = (x: number, at: number): Int32Array =>
    Int32Array.from({ length: rows }, (_, k) => (k === at ? x : k % length));
  const rowPlaces = [5, 2 * roundOf(length), rows - 1];

  it.each(rowPlaces)("row %i", async (at) => {
    const spoiled = positive.slice();
    spoiled[at * length + 3] = -1;
    const weights = new Float32Array(rows).fill(1);
    weights[at] = -1;
    for (const make of [sevens, sharedSevens]) {
      const out = { grad: make(rows * length), hess: make(rows * length) };
      const classes = { classes: length, out };
      await expectError(softmaxCrossEntropy, logits, labels(10, at), { out });
      await expectError(softmaxCrossEntropy, logits, labels(-1, at), { out, ignoreIndex: 3 });
      await expectError(softmaxCrossEntropy, logits, spoiled, classes);
      await expectError(klDivergence, spoiled, positive, classes);
      await expectError(klDivergence, positive, spoiled, { ...classes, weights });
      await expectError(klDivergence, positive, positive, { ...classes, weights });
      const pair = (): object => ({ mean: make(rows * length), logVariance: make(rows * length) });
      await expectError(gaussianKl, logits, logits, { latent: length, weights, out: { grad: pair(), hess: pair() } });
    }
  });

  it("the first is named in the order of one thread: labels, weights", async () => {
    const weights = new Float32Array(rows).fill(1);
    weights[1] = NaN;
    await expectError(softmaxCrossEntropy, logits, labels(99, rows - 2), { weights });
  });

  it("weights times class weights without a finite sum", async () => {
    const doubles = Float64Array.from(logits);
    const classWeights = new Float64Array(length).fill(1e308);
    await expectError(softmaxCrossEntropy, doubles, labels(1, 1), { classWeights });
  });
});

describe("arguments", () => {
  it("of the wrong kind or size, which reject and do not throw", async () => {
    await expectError(huber, half, half.subarray(1));
    await expectError(huber, half, new Float64Array(n));
    await expectError(huber, half, half, { delta: -1 });
    await expectError(huber, half, half, { weight: half });
    await expectError(huber, half, half, { out: { grad: sevens(n - 1) } });
    await expectError(softmaxCrossEntropy, half, half);
    await expectError(huber, "x", half);
  });

  it.each([losses.psnr, losses.ssim, losses.perceptual, reference.huber, Math.hypot, undefined, "huber"])(
    "no loss that could be divided: %s",
    async (loss) => {
      for (const method of methods) {
        const name = typeof loss === "function" ? loss.name : loss === undefined ? "undefined" : '"huber"';
        const message = `pool.${method}: loss must be one of simdloss's losses of elements or of rows, got ${name}`;
        await expect(pooled(two(), loss, method)(half, half)).rejects.toThrow(new TypeError(message));
      }
    },
  );
});
