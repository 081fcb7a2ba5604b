/** Laws that tie the row losses to each other, to the element-wise ones and to themselves; none knows a stored value. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeTotals } from "../../src/index.js";
import { exactSum, expectBits, expectValue } from "../bits.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import { implementations } from "../implementations.js";
import { fill } from "../random.js";
import type { Batch, Kind, RowOptions, RowResults, Rows } from "./implementations.js";
import {
  byPrediction,
  drawRows,
  fieldsOf,
  kinds,
  normalised,
  rowSettings,
  rowSuites,
  rowsOf,
  showSettings,
} from "./implementations.js";
import { softmax, termsOf } from "./terms.js";

const EACH = { reduction: "none" } as const;

const [ofIndices, ofShares, ofProbabilities, ofLogits, ofTeachers, ofGaussians] = kinds;
if (!ofIndices || !ofShares || !ofProbabilities || !ofLogits || !ofTeachers || !ofGaussians)
  throw new Error("six kinds");

/** What logits are multiplied by: rows from the flat to the confident, whose smallest results are subnormal in float32. */
const everySpread = [1 / 64, 1, 8];
/** Without those, whose products are rounded more than once. */
const normal = [1 / 64, 1];
/** Multiples of 2⁻¹⁰, to which a whole number may be added. */
const coarse = [1, 8];

function batchesOf(kind: Kind, Type: FloatsConstructor, spreads: readonly number[] = everySpread): fc.Arbitrary<Batch> {
  return fc
    .record({
      rows: fc.integer({ min: 1, max: 5 }),
      length: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
      spread: fc.constantFrom(...spreads),
    })
    .map(({ rows, length, seed, spread }) => drawRows(kind, Type, rows, length, seed, spread));
}

const typeOf = (array: Floats): FloatsConstructor => (array instanceof Float32Array ? Float32Array : Float64Array);
const times = (array: Floats, factor: number): Floats => array.map((x) => x * factor);
const at = (array: ArrayLike<number>, k: number): number => array[k] ?? NaN;

/** Rows of an array in another order, or some of them. */
function pick(array: Floats, length: number, order: readonly number[]): Floats {
  const place = (k: number) => (order[Math.floor(k / length)] ?? NaN) * length + (k % length);
  return fill(typeOf(array), order.length * length, (k) => at(array, place(k)));
}

function pickRows(batch: Batch, order: readonly number[]): Batch {
  const { prediction, target, weights, length } = batch;
  return {
    ...batch,
    rows: order.length,
    prediction: pick(prediction, length, order),
    target:
      target instanceof Int32Array ? Int32Array.from(order, (row) => at(target, row)) : pick(target, length, order),
    weights: pick(weights, 1, order),
  };
}

/** The batch with its classes in another order. */
function pickClasses(batch: Batch, order: readonly number[]): Batch {
  const { prediction, target, classWeights, length } = batch;
  const turn = (array: Floats) =>
    fill(typeOf(array), array.length, (k) => at(array, k - (k % length) + (order[k % length] ?? NaN)));
  return {
    ...batch,
    prediction: turn(prediction),
    target: target instanceof Int32Array ? target.map((label) => order.indexOf(label)) : turn(target),
    classWeights: pick(classWeights, 1, order),
  };
}

function oneHot(labels: Int32Array, Type: FloatsConstructor, length: number): Floats {
  return fill(Type, labels.length * length, (k) => (labels[Math.floor(k / length)] === k % length ? 1 : 0));
}

function given<T>(arbitrary: fc.Arbitrary<T>, holds: (drawn: T) => void, numRuns = 100): void {
  fc.assert(fc.property(arbitrary, holds), { seed: 1, numRuns });
}

function indicesOf({ target }: Batch): Int32Array {
  if (target instanceof Int32Array) return target;
  throw new Error("no indices");
}

function floatsOf({ target }: Batch): Floats {
  if (target instanceof Int32Array) throw new Error("no floats");
  return target;
}

/** Fails unless all fields have the same bits. */
function expectSame(got: RowResults, expected: RowResults, what = ""): void {
  const rights = new Map(fieldsOf(expected));
  for (const [name, result] of fieldsOf(got)) expectValue(result, rights.get(name) ?? NaN, `${what} ${name}`);
}

/** Fails where two numbers are further apart than `most` times the larger of the second and its largest term. */
function expectNear(
  got: number | ArrayLike<number>,
  expected: number | ArrayLike<number>,
  most: number,
  what: string,
  term: (k: number) => number = () => 0,
): void {
  const [gots, rights] = [got, expected].map((side) => (typeof side === "number" ? [side] : Array.from(side)));
  expect(gots?.length, what).toBe(rights?.length);
  rights?.forEach((right, k) => {
    const result = gots?.[k] ?? NaN;
    const size = Math.max(Math.abs(right), term(k));
    // Half of the least subnormal of float32 on either side.
    if (Object.is(result, right) || Math.abs(result - right) <= most * size + 2 ** -149) return;
    expect.fail(`${what}: ${result} is not ${right} at ${k}, off by ${Math.abs(result - right) / size} of ${size}`);
  });
}

describe.each(rowSuites)("$implementation $Type.name", ({ losses, Type }) => {
  const single = Type === Float32Array;
  /** What one result may be off by, and two of them from each other. */
  const close = single ? 1e-6 : 1e-14;
  const apart = 2 * close;
  const { softmaxCrossEntropy, klDivergence, klDivergenceWithLogits, distillation, gaussianKl } = losses;
  const named = rowsOf(losses);
  const elementWise = implementations.reference;

  const valuesOf = (loss: Rows, { prediction, target, options }: Batch, settings: RowOptions) =>
    loss.valueGradHess(prediction, target, { ...options, ...settings });

  describe("softmaxCrossEntropy", () => {
    it("of one-hot targets is that of the indices, bit by bit, with class weights and smoothing too", () => {
      given(batchesOf(ofIndices, Type), (batch) => {
        const { prediction, length: classes, classWeights, weights } = batch;
        const labels = indicesOf(batch);
        const hot = oneHot(labels, Type, classes);
        for (const settings of [{}, { classWeights }, { labelSmoothing: 0.1 }, { classWeights, labelSmoothing: 0.3 }]) {
          for (const reduction of ["mean", "sum", "none"] as const) {
            const options = { ...settings, classes, weights, reduction };
            const [soft, hard] = [hot, labels].map((target) =>
              named.softmaxCrossEntropy.valueGradHess(prediction, target, options),
            );
            if (soft && hard) expectSame(soft, hard, `${showSettings(settings)} ${reduction}`);
          }
        }
      });
    });

    it("of two classes is bceWithLogits of their difference", () => {
      given(batchesOf(ofIndices, Type), ({ prediction, target }) => {
        const rows = prediction.length >> 1;
        const pairs = prediction.subarray(0, 2 * rows);
        const first = fill(Type, rows, (row) => (row + at(target, 0)) % 2);
        const difference = fill(Type, rows, (row) => at(pairs, 2 * row) - at(pairs, 2 * row + 1));
        for (const labelSmoothing of [0, 0.25]) {
          const options = { labelSmoothing, ...EACH };
          const labels = Int32Array.from(first, (share) => 1 - share);
          const two = softmaxCrossEntropy.valueGradHess(pairs, labels, options);
          const one = elementWise.bceWithLogits.valueGradHess(difference, first, options);
          // With smoothing, τ(1 − p) may cancel the other class's.
          const term = (row: number) => (labelSmoothing ? Math.abs(at(one.hess, row)) : 0);
          expectNear(two.value, one.value, apart, "value");
          for (const column of [0, 1]) {
            const of = (array: Floats) => fill(Type, rows, (row) => at(array, 2 * row + column));
            expectNear(of(two.grad), times(one.grad, 1 - 2 * column), apart, `gradient ${column}`, term);
            expectNear(of(two.hess), one.hess, apart, `hess ${column}`);
          }
        }
      });
    });

    it("is linear in the target", () => {
      given(batchesOf(ofShares, Type), (batch) => {
        const { prediction, rows, length: classes, classWeights } = batch;
        const target = floatsOf(batch);
        for (const settings of [{}, { classWeights }]) {
          const soft = softmaxCrossEntropy(prediction, target, { ...settings, classes, ...EACH });
          const hard = Array.from({ length: classes }, (_, c) =>
            softmaxCrossEntropy(prediction, new Uint16Array(rows).fill(c), { ...settings, ...EACH }),
          );
          const mixed = fill(Float64Array, rows, (row) =>
            exactSum(hard.map((value, c) => at(target, row * classes + c) * at(value, row))),
          );
          expectNear(soft, mixed, apart, showSettings(settings));
        }
      });
    });

    it("of smoothed labels is 1 − s of it, and s of the mean over all labels", () => {
      given(batchesOf(ofIndices, Type), (batch) => {
        const { prediction, rows, length: classes, classWeights } = batch;
        const labelSmoothing = 0.375;
        const of = (labels: Int32Array, smoothing: number) =>
          softmaxCrossEntropy(prediction, labels, { classWeights, labelSmoothing: smoothing, ...EACH });
        const every = Array.from({ length: classes }, (_, c) => of(new Int32Array(rows).fill(c), 0));
        const plain = of(indicesOf(batch), 0);
        const mixed = fill(Float64Array, rows, (row) => {
          const mean = exactSum(every.map((value) => at(value, row))) / classes;
          return (1 - labelSmoothing) * at(plain, row) + labelSmoothing * mean;
        });
        expectNear(of(indicesOf(batch), labelSmoothing), mixed, apart, "value");
      });
    });

    it.each(["indices", "floats"] as const)("of %s grows with class weights, its mean does not", (targets) => {
      const kind = targets === "indices" ? ofIndices : ofShares;
      given(batchesOf(kind, Type, normal), ({ prediction, target, length: classes, options: { ...options } }) => {
        const classWeights = fill(Type, classes, () => 4);
        const run = (settings: RowOptions) =>
          named.softmaxCrossEntropy.valueGradHess(prediction, target, { ...options, ...settings });
        const [own, more] = [run(EACH), run({ classWeights, ...EACH })];
        fieldsOf(own).forEach(([name, array]) => {
          const grown = new Map(fieldsOf(more)).get(name);
          if (typeof array !== "number") expectValue(grown ?? NaN, times(array, 4), name);
        });
        const mean = run({ classWeights }).value;
        expectNear(Number(mean), Number(run({}).value), single ? 1e-7 : 1e-15, "mean");
      });
    });

    it.each([{}, { labelSmoothing: 0.2 }])("passes over ignored rows as if they were not there: %o", (settings) => {
      given(batchesOf(ofIndices, Type), (batch) => {
        const { rows, weights, classWeights, length } = batch;
        const gone = Array.from({ length: rows }, (_, row) => row).filter((row) => row % 3 === 1);
        const left = Array.from({ length: rows }, (_, row) => row).filter((row) => row % 3 !== 1);
        const target = indicesOf(batch).map((label, row) => (gone.includes(row) ? -100 : label));
        const parted = pickRows(batch, left);
        for (const more of [{}, { weights }, { classWeights }, { weights, classWeights }]) {
          for (const reduction of ["none", "sum", "mean"] as const) {
            const options = { ...settings, ...more, reduction };
            const loss = named.softmaxCrossEntropy;
            const whole = valuesOf(loss, { ...batch, target }, { ...options, ignoreIndex: -100 });
            const part = valuesOf(loss, parted, "weights" in more ? { ...options, weights: parted.weights } : options);
            const what = `${showSettings(options)}`;
            if (typeof whole.value === "number" || typeof part.value === "number") {
              expectNear(Number(whole.value), Number(part.value), single ? 1e-7 : 1e-15, what);
            } else {
              expectBits(pick(whole.value, 1, left), part.value, what);
              expect(pick(whole.value, 1, gone).every((value) => Object.is(value, 0))).toBe(true);
            }
            for (const name of ["grad", "hess"] as const) {
              const array = byPrediction(whole[name]);
              expectBits(pick(array, length, left), byPrediction(part[name]), `${what} ${name}`);
              expect(pick(array, length, gone).every((slope) => slope === 0)).toBe(true);
            }
          }
        }
      });
    });
  });

  describe("divergences", () => {
    it("klDivergenceWithLogits and the target's entropy make softmaxCrossEntropy", () => {
      given(batchesOf(ofLogits, Type), (batch) => {
        const { prediction, rows, length: classes } = batch;
        const target = floatsOf(batch);
        const divergence = klDivergenceWithLogits.valueGradHess(prediction, target, { classes, ...EACH });
        const cross = softmaxCrossEntropy.valueGradHess(prediction, target, { classes, ...EACH });
        const entropy = fill(Float64Array, rows, (row) =>
          exactSum(Array.from(pick(target, classes, [row]), (p) => (p === 0 ? 0 : -p * Math.log(p)))),
        );
        const sum = fill(Float64Array, rows, (row) => at(divergence.value, row) + at(entropy, row));
        expectNear(sum, cross.value, apart, "value", (row) => Math.abs(at(entropy, row)));
        expectNear(divergence.grad, cross.grad, apart, "grad", termsOf(ofLogits, batch).grad);
        expectNear(divergence.hess, cross.hess, apart, "hess");
      });
    });

    it("distillation at temperature 1 is klDivergenceWithLogits of the teacher's softmax", () => {
      given(batchesOf(ofTeachers, Type), (batch) => {
        const { prediction, target: teacher, length: classes } = batch;
        const { share } = softmax(teacher, classes);
        const target = fill(Type, teacher.length, share);
        const distilled = named.distillation.valueGradHess(prediction, teacher, { classes, ...EACH });
        const direct = klDivergenceWithLogits.valueGradHess(prediction, target, { classes, ...EACH });
        const terms = termsOf(ofTeachers, batch);
        const spread = (row: number) => Math.max(1, at(values, row));
        const values = typeof distilled.value === "number" ? [] : distilled.value;
        // The softmax as it is rounded is off by half a unit in its last place, however small the divergence is.
        expectNear(direct.value, values, apart, "value", spread);
        expectNear(direct.grad, byPrediction(distilled.grad), apart, "grad", terms.grad);
        expectNear(direct.hess, byPrediction(distilled.hess), apart, "hess");
      });
    });

    it("klDivergenceWithLogits is klDivergence of the softmax, its gradient by the chain rule", () => {
      given(batchesOf(ofLogits, Type), (batch) => {
        const { prediction, rows, length: classes } = batch;
        const target = floatsOf(batch);
        const { share } = softmax(prediction, classes);
        const q = fill(Type, prediction.length, share);
        // What has no normal quotient is for other tests.
        fc.pre(q.every((p) => p > 2 ** -100));
        const direct = klDivergenceWithLogits.valueAndGrad(prediction, target, { classes, ...EACH });
        const chained = klDivergence.valueAndGrad(q, target, { classes, epsilon: 0, ...EACH });
        expectNear(chained.value, direct.value, apart, "value", (row) => Math.max(1, at(direct.value, row)));
        for (let row = 0; row < rows; row++) {
          const pull = fill(
            Float64Array,
            classes,
            (c) => at(q, row * classes + c) * at(chained.grad, row * classes + c),
          );
          const sum = exactSum(pull);
          const grad = fill(Float64Array, classes, (c) => at(pull, c) - at(q, row * classes + c) * sum);
          const terms = termsOf(ofLogits, batch);
          const largest = (c: number) => Math.max(terms.grad(row * classes + c), at(target, row * classes + c));
          expectNear(grad, pick(direct.grad, classes, [row]), 2 * apart, "grad", largest);
        }
      });
    });

    it("of a row from itself are 0, and so are their gradients", () => {
      given(batchesOf(ofTeachers, Type), ({ prediction, rows, length: classes }) => {
        for (const temperature of [1, 0.25, 3.5]) {
          const { value, grad } = distillation.valueAndGrad(prediction, prediction.slice(), {
            classes,
            temperature,
            ...EACH,
          });
          expectBits(value, new Type(rows), "distillation");
          expect(grad.every((slope) => slope === 0)).toBe(true);
        }
        const p = normalised(prediction.map(Math.abs), classes);
        expectBits(klDivergence(p, p.slice(), { classes, epsilon: 0, ...EACH }), new Type(rows), "klDivergence");
      });
    });

    it("of two classes, the target even: log cosh of half the logits' difference", () => {
      const differences = fc.integer({ min: -(2 ** 24), max: 2 ** 24 }).map((step) => step / 2 ** 20);
      given(fc.array(differences, { minLength: 1, maxLength: 20 }), (drawn) => {
        const logits = fill(Type, 2 * drawn.length, (k) => (k % 2 ? 0 : at(drawn, k >> 1)));
        const even = fill(Type, logits.length, () => 0.5);
        const halves = fill(Float64Array, drawn.length, (row) => at(drawn, row) / 2);
        const right = elementWise.logCosh(halves, new Float64Array(drawn.length), EACH);
        const root = (row: number) => (single ? 0 : Math.sqrt(at(right, row)));
        const options = { classes: 2, ...EACH };
        expectNear(distillation(logits, new Type(logits.length), options), right, apart, "distillation", root);
        expectNear(klDivergenceWithLogits(logits, even, options), right, apart, "klDivergenceWithLogits", root);
      });
    });

    it("of dyadic rows, whose sums are exactly 1, are never negative", () => {
      const cuts = fc.array(fc.integer({ min: 0, max: 2 ** 12 }), { minLength: 4, maxLength: 4 });
      const rowOf = (drawn: readonly number[]) => {
        const sorted = [0, ...drawn.toSorted((a, b) => a - b), 2 ** 12];
        return sorted.slice(1).map((cut, k) => (cut - at(sorted, k)) / 2 ** 12);
      };
      given(fc.tuple(cuts, cuts), ([a, b]) => {
        const [p, q] = [Type.from(rowOf(a)), Type.from(rowOf(b))];
        const nearly = p.map((share, k) => share + at([1, -1, 0, 0, 0], k) * 2 ** -20);
        for (const other of [q, nearly.every((share) => share >= 0) ? nearly : q]) {
          expect(klDivergence(other, p, { classes: 5, epsilon: 0 })).toBeGreaterThanOrEqual(0);
        }
      });
    });

    it("klDivergence grows with both rows", () => {
      given(batchesOf(ofProbabilities, Type), (batch) => {
        const { prediction, length: classes } = batch;
        const options = { classes, epsilon: 0, ...EACH };
        const own = klDivergence.valueGradHess(prediction, floatsOf(batch), options);
        const more = klDivergence.valueGradHess(times(prediction, 8), times(floatsOf(batch), 8), options);
        expectBits(more.value, times(own.value, 8), "value");
        expectBits(more.grad, own.grad, "grad");
        expectBits(more.hess, times(own.hess, 1 / 8), "hess");
      });
    });
  });

  describe("distillation", () => {
    it("at temperature T is T² times that at 1 of logits T times as small", () => {
      given(batchesOf(ofTeachers, Type, normal), (batch) => {
        const { prediction, length: classes } = batch;
        const teacher = floatsOf(batch);
        for (const temperature of [2 ** -2, 2 ** 5]) {
          const own = distillation.valueGradHess(prediction, teacher, { classes, temperature, ...EACH });
          const [x, t] = [times(prediction, 1 / temperature), times(teacher, 1 / temperature)];
          const cool = distillation.valueGradHess(x, t, { classes, ...EACH });
          expectBits(own.value, times(cool.value, temperature ** 2), "value");
          expectBits(own.grad, times(cool.grad, temperature), "grad");
          expectBits(own.hess, cool.hess, "hess");
        }
      });
    });

    it("at high temperatures is half the variance of the logits' differences", () => {
      given(batchesOf(ofTeachers, Type), (batch) => {
        const { prediction, rows, length: classes } = batch;
        const teacher = floatsOf(batch);
        const e = fill(Float64Array, prediction.length, (k) => at(prediction, k) - at(teacher, k));
        const meanOf = (row: number, power: number, less = 0) =>
          exactSum(pick(e, classes, [row]).map((x) => (x - less) ** power)) / classes;
        const { value, grad } = distillation.valueAndGrad(prediction, teacher, {
          classes,
          temperature: 2 ** 18,
          ...EACH,
        });
        const half = fill(Float64Array, rows, (row) => meanOf(row, 2, meanOf(row, 1)) / 2);
        expectNear(value, half, 1e-3, "value");
        const slopes = fill(Float64Array, e.length, (k) => (at(e, k) - meanOf(Math.floor(k / classes), 1)) / classes);
        const largest = (k: number) => Math.sqrt(2 * at(half, Math.floor(k / classes)) + 2 ** -20);
        expectNear(grad, slopes, 1e-3, "grad", largest);
      });
    });
  });

  describe("gaussianKl", () => {
    it("of the standard Gaussian is 0, with derivatives 0, and 1 and ½", () => {
      given(batchesOf(ofGaussians, Type), ({ rows, length: latent, prediction: { length: n } }) => {
        const { value, grad, hess } = gaussianKl.valueGradHess(new Type(n), new Type(n), { latent, ...EACH });
        expectBits(value, new Type(rows));
        expect([...grad.mean, ...grad.logVariance].every((slope) => slope === 0)).toBe(true);
        expectBits(hess.mean, new Type(n).fill(1));
        expectBits(hess.logVariance, new Type(n).fill(0.5));
      });
    });

    it("adds over independent coordinates", () => {
      given(batchesOf(ofGaussians, Type), (batch) => {
        const { prediction, rows, length: latent } = batch;
        const logVariance = floatsOf(batch);
        const rowWise = gaussianKl.valueGradHess(prediction, logVariance, { latent, ...EACH });
        const apiece = gaussianKl.valueGradHess(prediction, logVariance, { latent: 1, ...EACH });
        const sums = fill(Float64Array, rows, (row) => exactSum(pick(apiece.value, latent, [row])));
        expectNear(rowWise.value, sums, apart, "value");
        for (const name of ["mean", "logVariance"] as const) {
          expectBits(rowWise.grad[name], apiece.grad[name], `grad.${name}`);
          expectBits(rowWise.hess[name], apiece.hess[name], `hess.${name}`);
        }
      });
    });

    it("is even in the mean", () => {
      given(batchesOf(ofGaussians, Type), (batch) => {
        const { prediction, length: latent } = batch;
        const logVariance = floatsOf(batch);
        const here = gaussianKl.valueAndGrad(prediction, logVariance, { latent, ...EACH });
        const there = gaussianKl.valueAndGrad(times(prediction, -1), logVariance, { latent, ...EACH });
        expectBits(there.value, here.value, "value");
        expectBits(times(there.grad.mean, -1).map(unsigned), here.grad.mean.map(unsigned), "grad.mean");
        expectBits(there.grad.logVariance, here.grad.logVariance, "grad.logVariance");
      });
    });

    it.each([
      [0, 0.5],
      [1.5, -1],
      [-0.75, 0.25],
    ])("of mean %f and log variance %f is klDivergence of the densities, on a fine grid", (mean, logVariance) => {
      const step = 2 ** -4;
      const density = (m: number, l: number) =>
        fill(Type, 513, (k) => {
          const x = (k - 256) * step;
          return (step / Math.sqrt(2 * Math.PI)) * Math.exp(-((x - m) ** 2) / (2 * Math.exp(l)) - l / 2);
        });
      const options = { classes: 513, epsilon: 0 };
      // Cut off where the standard density leaves float32: at 13, where the other has e⁻⁵⁵ at most.
      const [p, q] = [density(mean, logVariance), density(0, 0)].map((array) =>
        array.map((x) => (x < 2 ** -120 ? 0 : x)),
      );
      if (p === undefined || q === undefined) throw new Error("two densities");
      const inside = p.map((share, k) => (at(q, k) > 0 ? share : 0));
      const right = gaussianKl(Type.of(mean), Type.of(logVariance), { latent: 1 });
      expect(klDivergence(q, inside, options)).toBeCloseTo(right, single ? 5 : 11);
    });
  });

  const ofRows = kinds.map((kind) => ({ kind, loss: named[kind.name] }));

  describe.each(ofRows)("$kind.name of $kind.targets", ({ kind, loss }) => {
    const { targets, name } = kind;

    /** All reductions of all settings give what `holds` says. */
    function everySetting(batch: Batch, holds: (settings: RowOptions, index: number) => void): void {
      rowSettings(kind, batch).forEach(holds);
    }

    it("gives permuted rows permuted results", () => {
      given(batchesOf(kind, Type), (batch) => {
        const order = Array.from({ length: batch.rows }, (_, row) => batch.rows - 1 - row);
        const turned = pickRows(batch, order);
        everySetting(batch, (settings) => {
          const here = new Map(fieldsOf(valuesOf(loss, batch, { ...settings, ...EACH })));
          for (const [field, there] of fieldsOf(valuesOf(loss, turned, { ...settings, ...EACH }))) {
            const array = here.get(field);
            if (typeof array !== "object" || typeof there !== "object") throw new Error(`${field} is no array`);
            const length = field === "value" ? 1 : batch.length;
            expectBits(there, pick(array, length, order), `${showSettings(settings)} ${field}`);
          }
        });
      });
    });

    it("gives permuted classes permuted derivatives and the same value", () => {
      given(batchesOf(kind, Type), (batch) => {
        // The first stays in its place: it is the label that may be ignored.
        const order = Array.from({ length: batch.length }, (_, c) => (batch.length - c) % batch.length);
        const turned = pickClasses(batch, order);
        const turnedSettings = rowSettings(kind, turned);
        everySetting(batch, (settings, index) => {
          const here = new Map(fieldsOf(valuesOf(loss, turned, { ...turnedSettings[index], ...EACH })));
          const terms = termsOf(kind, batch, settings);
          for (const [field, there] of fieldsOf(valuesOf(loss, batch, { ...settings, ...EACH }))) {
            const array = here.get(field);
            if (typeof array !== "object" || typeof there !== "object") throw new Error(`${field} is no array`);
            const what = `${showSettings(settings)} ${field}`;
            if (field === "value") expectNear(array, there, apart, what, (row) => terms.value(row, at(there, row)));
            else {
              const back = fill(Type, there.length, (k) =>
                at(array, k - (k % batch.length) + order.indexOf(k % batch.length)),
              );
              expectNear(back, there, apart, what, field === "grad" ? terms.grad : undefined);
            }
          }
        });
      });
    });

    it.runIf(kind.spec.arrays[0] === "logits")("does not see what is added to a whole row", () => {
      const shifts = fc.array(fc.integer({ min: -(2 ** 10), max: 2 ** 10 }), { minLength: 10, maxLength: 10 });
      given(fc.tuple(batchesOf(kind, Type, coarse), shifts), ([batch, shift]) => {
        const { prediction, target, length } = batch;
        const moved = (array: Floats, from: number) =>
          fill(Type, array.length, (k) => at(array, k) + at(shift, from + Math.floor(k / length)));
        const teacher = name === "distillation" ? moved(floatsOf(batch), 5) : target;
        everySetting(batch, (settings) => {
          const here = valuesOf(loss, batch, { ...settings, ...EACH });
          const there = valuesOf(
            loss,
            { ...batch, prediction: moved(prediction, 0), target: teacher },
            { ...settings, ...EACH },
          );
          expectSame(there, here, showSettings(settings));
        });
      });
    });

    it.runIf(kind.spec.arrays[0] === "logits")("has gradients that sum to 0 in every row", () => {
      given(batchesOf(kind, Type), (batch) => {
        const { prediction, rows, length } = batch;
        everySetting(batch, (settings) => {
          const grad = byPrediction(loss.grad(prediction, batch.target, { ...batch.options, ...settings, ...EACH }));
          for (let row = 0; row < rows; row++) {
            const own = pick(grad, length, [row]);
            const terms = termsOf(kind, batch, settings);
            const size = exactSum(
              Float64Array.from(own, (slope, c) => Math.max(Math.abs(slope), terms.grad(row * length + c))),
            );
            expect(Math.abs(exactSum(own)), showSettings(settings)).toBeLessThanOrEqual(
              close * size + length * 2 ** -149,
            );
          }
        });
      });
    });

    it("is the same however much is asked for, bit by bit", () => {
      given(batchesOf(kind, Type), (batch) => {
        const { prediction, target, weights } = batch;
        everySetting(batch, (settings) => {
          for (const reduction of ["mean", "sum", "none"] as const) {
            const options = { ...batch.options, ...settings, weights, reduction };
            const all = loss.valueGradHess(prediction, target, options);
            const two = loss.valueAndGrad(prediction, target, options);
            const what = `${showSettings(settings)} ${reduction}`;
            expectSame({ ...all, ...two }, all, what);
            expectSame({ ...all, grad: loss.grad(prediction, target, options) }, all, what);
            expectSame({ ...all, value: loss(prediction, target, options) }, all, what);
            const total = loss.total(prediction, target, options);
            if (reduction === "sum") expect(total.sum, what).toBe(all.value);
            if (reduction === "mean") expectNear(loss.fromTotal(total), Number(all.value), 1e-15, what);
          }
        });
      });
    });

    it("weighs: wℓ with none, Σwℓ with sum, Σwℓ / Σw with mean, w times the class weight there", () => {
      given(batchesOf(kind, Type, normal), (batch) => {
        const { target, rows, length, weights, classWeights } = batch;
        everySetting(batch, (settings) => {
          const own = new Map(fieldsOf(valuesOf(loss, batch, { ...settings, ...EACH })));
          const classWeight = (row: number) => {
            if (targets === "indices" && "ignoreIndex" in settings && target[row] === settings.ignoreIndex) return 0;
            if (!("classWeights" in settings)) return 1;
            if (targets === "indices") return at(classWeights, at(target, row));
            return exactSum(pick(floatsOf(batch), length, [row]).map((share, c) => share * at(classWeights, c)));
          };
          const weight = exactSum(fill(Float64Array, rows, (row) => at(weights, row) * classWeight(row)));
          for (const reduction of ["none", "sum", "mean"] as const) {
            const divisor = reduction === "mean" ? weight : 1;
            const what = `${showSettings(settings)} ${reduction}`;
            for (const [field, got] of fieldsOf(valuesOf(loss, batch, { ...settings, weights, reduction }))) {
              const array = own.get(field);
              if (typeof array !== "object") throw new Error(`${field} is no array`);
              const long = field === "value" ? 1 : length;
              const right = fill(Float64Array, array.length, (k) => at(array, k) * at(weights, Math.floor(k / long)));
              const size = exactSum(right.map(Math.abs));
              if (typeof got === "number") {
                const expected = exactSum(right) / divisor;
                expectNear(got, expected, apart, `${what} ${field}`, () => size / divisor);
              } else {
                const nothing = divisor === 0;
                expectNear(
                  got,
                  right.map((x) => (nothing ? 0 : x / divisor)),
                  apart,
                  `${what} ${field}`,
                );
              }
            }
            const total = loss.total(batch.prediction, target, { ...batch.options, ...settings, weights });
            expectNear(total.weight, weight, single ? 1e-7 : 1e-15, `${what} weight`);
          }
        });
      });
    });

    it("sums to the sum of its parts, and their totals merge", () => {
      given(batchesOf(kind, Type), (batch) => {
        const { rows, prediction, target, weights } = batch;
        const all = Array.from({ length: rows }, (_, row) => row);
        const parts = [pickRows(batch, all.slice(0, 1)), pickRows(batch, all.slice(1))];
        everySetting(batch, (settings) => {
          const options = { ...batch.options, ...settings };
          const whole = loss.total(prediction, target, { ...options, weights });
          const merged = mergeTotals(
            ...parts.map((part) => loss.total(part.prediction, part.target, { ...options, weights: part.weights })),
          );
          const values = valuesOf(loss, batch, { ...settings, weights, ...EACH }).value;
          const size = () => (typeof values === "number" ? NaN : exactSum(values.map(Math.abs)));
          const most = single ? 2e-7 : 2e-15;
          expectNear(merged.sum, whole.sum, most, showSettings(settings), size);
          expectNear(merged.weight, whole.weight, most, showSettings(settings));
          const mean = Number(loss(prediction, target, { ...options, weights }));
          expectNear(loss.fromTotal(merged), mean, most, showSettings(settings), () => size() / whole.weight);
        });
      });
    });

    it("counts a row of weight 3 as three", () => {
      given(batchesOf(kind, Type, normal), (batch) => {
        const { rows, prediction, target } = batch;
        const weights = fill(Type, rows, (row) => (row === 0 ? 3 : 1));
        const copied = pickRows(batch, [0, 0, ...Array.from({ length: rows }, (_, row) => row)]);
        everySetting(batch, (settings) => {
          const options = { ...batch.options, ...settings };
          const weighted = loss.total(prediction, target, { ...options, weights });
          const thrice = loss.total(copied.prediction, copied.target, options);
          const values = valuesOf(loss, copied, { ...settings, ...EACH }).value;
          const size = () => (typeof values === "number" ? NaN : exactSum(values.map(Math.abs)));
          expectNear(weighted.sum, thrice.sum, single ? 2e-7 : 2e-15, showSettings(settings), size);
          expectNear(weighted.weight, thrice.weight, single ? 2e-7 : 2e-15, showSettings(settings));
          const reduction = "sum";
          const heavy = valuesOf(loss, batch, { ...settings, weights, reduction }).grad;
          const light = valuesOf(loss, batch, { ...settings, reduction }).grad;
          const grown = fill(Type, prediction.length, (k) => (k < batch.length ? 3 : 1) * at(byPrediction(light), k));
          expectNear(byPrediction(heavy), grown, apart, showSettings(settings));
        });
      });
    });
  });
});

/** With one zero only: a derivative of 0 has no sign. */
function unsigned(x: number): number {
  return x === 0 ? 0 : x;
}

/** The derivative of f at x by four values. Its error is of the order of step⁴ and of 10⁻¹⁶/step. */
function slope(f: (x: number) => number, x: number, step = 2 ** -11): number {
  return (8 * (f(x + step) - f(x - step)) - (f(x + 2 * step) - f(x - 2 * step))) / (12 * step);
}

describe.each(rowSuites.filter(({ Type }) => Type === Float64Array))(
  "$implementation derivatives by differences",
  ({ losses }) => {
    it.each(kinds)("$name of $targets", (kind) => {
      const loss = rowsOf(losses)[kind.name];
      const drawn = drawRows(kind, Float64Array, 5, 4, 3, 1 / 4);
      // Probabilities off 0, where the derivatives of the logarithm are of no great size, and off the clamp.
      const prediction = kind.spec.predictions ? drawn.prediction.map((p) => 0.5 + p / 2) : drawn.prediction;
      const { target, weights, options: shape } = drawn;
      for (const settings of rowSettings(kind, drawn)) {
        for (const options of [
          { ...shape, ...settings },
          { ...shape, ...settings, weights },
          { ...shape, ...settings, weights, reduction: "sum" },
        ] as const) {
          const { grad, hess } = loss.valueGradHess(prediction, target, options);
          const check = (
            own: Floats,
            bend: Floats,
            f: (moved: Floats) => number,
            slopes: (moved: Floats) => Floats,
            by: Floats,
          ) => {
            by.forEach((x, k) => {
              const moved = (to: number) => {
                const copy = by.slice();
                copy[k] = to;
                return copy;
              };
              const bySlope = slope((to) => f(moved(to)), x);
              expect(Math.abs(at(own, k) - bySlope), `${showSettings(options)} grad at ${k}`).toBeLessThan(1e-9);
              const byCurve = slope((to) => at(slopes(moved(to)), k), x);
              expect(Math.abs(at(bend, k) - byCurve), `${showSettings(options)} hess at ${k}`).toBeLessThan(1e-9);
            });
          };
          const value = (x: Floats, y: typeof target) => Number(loss(x, y, options));
          check(
            byPrediction(grad),
            byPrediction(hess),
            (moved) => value(moved, target),
            (moved) => byPrediction(loss.grad(moved, target, options)),
            prediction,
          );
          if ("logVariance" in grad && "logVariance" in hess) {
            const byOther = (moved: Floats) => {
              const both = loss.grad(prediction, moved, options);
              return "logVariance" in both ? both.logVariance : new Float64Array(0);
            };
            check(grad.logVariance, hess.logVariance, (moved) => value(prediction, moved), byOther, floatsOf(drawn));
          }
        }
      }
    });
  },
);
