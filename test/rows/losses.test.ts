/** What the methods, reductions, weights and totals of every row loss have to do with one another. */
import { describe, expect, it } from "vitest";
import { mergeTotals } from "../../src/index.js";
import { exactSum, expectBits, expectValue, ulps } from "../bits.js";
import type { Floats } from "../implementations.js";
import { fill } from "../random.js";
import {
  type Batch,
  drawRows,
  fieldsOf,
  type RowName,
  type RowOptions,
  type RowResults,
  rowImplementations,
  rowSettings,
  rowSpecs,
  showSettings,
  typedRowSubjects,
} from "./implementations.js";
import { arraysOf, expectRows, mapped, outOf, perRow } from "./results.js";

/** Rows shorter and longer than any vector, none of them a multiple of one but the row of one. */
const shapes = [
  [1, 1],
  [3, 1],
  [1, 5],
  [67, 10],
  [5, 67],
] as const;
const reductions = ["mean", "sum", "none"] as const;

/** Out of the documents, not out of the specs. */
const defaults: Readonly<Record<RowName, Readonly<Record<string, number>>>> = {
  softmaxCrossEntropy: { labelSmoothing: 0 },
  klDivergence: { epsilon: 1e-7 },
  klDivergenceWithLogits: {},
  distillation: { temperature: 1 },
  gaussianKl: {},
};

describe.each(typedRowSubjects)("$title", (subject) => {
  const { name, spec, targets, implementation, loss, Type } = subject;
  const batch = drawRows(subject, Type, 67, 10);
  const { rows, prediction, target, weights, options } = batch;
  const batches = shapes.map(([rows, length]) => drawRows(subject, Type, rows, length));
  /** What sums may be off by, relative to Σ|ℓ|. */
  const close = Type === Float32Array ? 1e-7 : 1e-15;

  it("says the same in every method, bit for bit", () => {
    for (const batch of batches) {
      for (const settings of rowSettings(subject, batch)) {
        for (const reduction of reductions) {
          for (const weights of [undefined, batch.weights]) {
            const options = { ...batch.options, ...settings, reduction, weights };
            const what = `${batch.rows} × ${batch.length} ${reduction} ${showSettings(settings)}`;
            const { value, grad, hess } = loss.valueGradHess(batch.prediction, batch.target, options);
            expect(Object.keys({ value, grad, hess })).toEqual(["value", "grad", "hess"]);
            expectValue(loss(batch.prediction, batch.target, options), value, what);
            expectRows(loss.valueAndGrad(batch.prediction, batch.target, options), { value, grad }, what);
            expectRows({ grad: loss.grad(batch.prediction, batch.target, options) }, { grad }, what);

            const total = loss.total(batch.prediction, batch.target, options);
            if (reduction === "sum") expect(total.sum, what).toBe(value);
            if (reduction === "mean") expect(loss.fromTotal(total), what).toBe(value);
          }
        }
      }
    }
  });

  it("has a value, a gradient and a second derivative, of everything that it is by", () => {
    const names = fieldsOf(loss.valueGradHess(prediction, target, options)).map(([name]) => name);
    const both = ["value", "grad.mean", "grad.logVariance", "hess.mean", "hess.logVariance"];
    expect(names).toEqual(name === "gaussianKl" ? both : ["value", "grad", "hess"]);
  });

  it("takes the mean by default", () => {
    const mean = loss.valueGradHess(prediction, target, { ...options, reduction: "mean" });
    expectRows(loss.valueGradHess(prediction, target, options), mean);
    const blank = Object.fromEntries(["reduction", "weights", "out"].map((option) => [option, undefined]));
    expectRows(loss.valueGradHess(prediction, target, { ...options, ...blank }), mean);
  });

  it("takes the documented defaults", () => {
    const parameters: Readonly<Record<string, { readonly default: number }>> = {
      ...rowImplementations[implementation][name].parameters,
    };
    const stated = Object.entries(parameters).map(([name, rule]) => [name, rule.default]);
    expect(Object.fromEntries(stated)).toEqual(defaults[name]);
    const plain = loss.valueGradHess(prediction, target, options);
    expectRows(loss.valueGradHess(prediction, target, { ...options, ...defaults[name] }), plain);
    const blank = Object.fromEntries(Object.keys(defaults[name]).map((parameter) => [parameter, undefined]));
    const ofLabels = spec.labels ? { classWeights: undefined, ignoreIndex: undefined } : {};
    expectRows(loss.valueGradHess(prediction, target, { ...options, ...blank, ...ofLabels }), plain);
  });

  it.runIf(Object.keys(defaults[name]).length)("heeds its parameter in the value and in both derivatives", () => {
    const [parameter = ""] = Object.keys(defaults[name]);
    const resultsAt = (value: number) => loss.valueGradHess(prediction, target, { ...options, [parameter]: value });
    const [some, more] = [resultsAt(0.25), resultsAt(0.5)];
    const rights = new Map(fieldsOf(more));
    for (const [field, found] of fieldsOf(some)) {
      // A label is smoothed in the value and the gradient; what is subtracted has no second derivative.
      if (name === "softmaxCrossEntropy" && field === "hess") continue;
      expect(found, field).not.toEqual(rights.get(field));
    }
  });

  it("has its spec attached, which cannot be changed", () => {
    const known = rowImplementations[implementation][name];
    const { formula, source, parameters } = rowSpecs[name];
    expect(known.name).toBe(name);
    expect({ formula: known.formula, source: known.source, parameters: known.parameters }).toEqual({
      formula,
      source,
      parameters,
    });
    expect(source).toMatch(/\(\d{4}\)/);
    expect(Reflect.set(known.parameters, "another", {})).toBe(false);
    for (const parameter of Object.values(known.parameters)) {
      expect(Reflect.set(Object(parameter), "default", 7)).toBe(false);
    }
  });

  it("reads options that are getters which call losses themselves", () => {
    const getting = {
      ...options,
      get weights() {
        loss.valueGradHess(batches[3]?.prediction ?? prediction, batches[3]?.target ?? target, options);
        loss.grad(prediction.subarray(0, batch.length), target.slice(0, target.length / rows), options);
        return weights;
      },
    };
    expectRows(
      loss.valueGradHess(prediction, target, getting),
      loss.valueGradHess(prediction, target, { ...options, weights }),
    );
  });

  it("sums and averages what reduction none leaves", () => {
    const own = loss.valueGradHess(prediction, target, { ...options, reduction: "none" });
    const values = perRow(own.value);
    const sum = exactSum(values);
    const size = exactSum(values.map(Math.abs));
    const summed = loss.valueGradHess(prediction, target, { ...options, reduction: "sum" });
    const mean = loss.valueGradHess(prediction, target, options);
    expect(Math.abs(Number(summed.value) - sum)).toBeLessThanOrEqual(close * size);
    expect(Math.abs(Number(mean.value) - sum / rows)).toBeLessThanOrEqual((close * size) / rows);
    expectRows({ grad: summed.grad, hess: summed.hess }, { grad: own.grad, hess: own.hess });
    expectTimes({ grad: mean.grad, hess: mean.hess }, own, () => 1 / rows);
  });

  it("weighs rows: wℓ with none, Σwℓ with sum, Σwℓ/Σw with mean, and the derivatives likewise", () => {
    const own = loss.valueGradHess(prediction, target, { ...options, reduction: "none" });
    const none = loss.valueGradHess(prediction, target, { ...options, weights, reduction: "none" });
    const sum = loss.valueGradHess(prediction, target, { ...options, weights, reduction: "sum" });
    const mean = loss.valueGradHess(prediction, target, { ...options, weights });
    const weight = exactSum(weights);
    const parts = fill(Float64Array, rows, (row) => (weights[row] ?? NaN) * (perRow(own.value)[row] ?? NaN));
    const right = exactSum(parts);
    const size = exactSum(parts.map(Math.abs));
    expect(Math.abs(Number(sum.value) - right)).toBeLessThanOrEqual(close * size);
    expect(Math.abs(Number(mean.value) - right / weight)).toBeLessThanOrEqual((close * size) / weight);
    expectTimes(none, own, (row) => weights[row] ?? NaN);
    expectTimes({ grad: sum.grad, hess: sum.hess }, own, (row) => weights[row] ?? NaN);
    expectTimes({ grad: mean.grad, hess: mean.hess }, own, (row) => (weights[row] ?? NaN) / weight);
  });

  /** Fails where an entry is not the own one times its row's factor, but for a few roundings of the row's largest term. */
  function expectTimes(got: Partial<RowResults>, own: RowResults, of: (row: number) => number): void {
    const rights = new Map(fieldsOf(own));
    for (const [field, found] of fieldsOf(got)) {
      const [array, right] = [found, rights.get(field)];
      if (typeof array === "number" || typeof right === "number" || right === undefined) throw new Error("one array");
      expect(array.length).toBe(right.length);
      const length = array.length / rows;
      right.forEach((entry, k) => {
        const row = Math.floor(k / length);
        const largest = Math.max(...right.subarray(row * length, (row + 1) * length).map(Math.abs));
        const error = ulps(Type, array[k] ?? NaN, of(row) * entry, of(row) * largest);
        expect(error, `${field} at ${k}`).toBeLessThanOrEqual(4);
      });
    }
  }

  it("takes weights as plain numbers", () => {
    const plain = loss.valueGradHess(prediction, target, { ...options, weights: Array.from(weights) });
    expectRows(plain, loss.valueGradHess(prediction, target, { ...options, weights }));
  });

  // 1/Σw of the first two is beyond float32's numbers, of the first beyond float64's.
  it.each(Type === Float32Array ? [2 ** -140, 2 ** 126, 2 ** -50] : [2 ** -1040, 2 ** 1000, 2 ** -200])(
    "has the same mean whatever the unit of the weights: %f",
    (unit) => {
      const plain = loss.valueGradHess(prediction, target, { ...options, weights });
      const got = loss.valueGradHess(prediction, target, { ...options, weights: weights.map((w) => w * unit) });
      for (const [k, array] of arraysOf({ grad: got.grad, hess: got.hess }).entries()) {
        const right = arraysOf({ grad: plain.grad, hess: plain.hess })[k] ?? array;
        const largest = Math.max(...right.map(Math.abs));
        right.forEach((entry, at) => {
          expect(ulps(Type, array[at] ?? NaN, entry, largest), `derivative ${k} at ${at}`).toBeLessThanOrEqual(4);
        });
      }
      // What is added up is wℓ, of which float64 has the fewer digits the farther it is below the normal numbers.
      const digits = Type === Float64Array && unit < 2 ** -1000 ? 1e-6 : 1e-14;
      expect(Math.abs(Number(got.value) / Number(plain.value) - 1)).toBeLessThan(digits);
    },
  );

  it
    .runIf(spec.labels)
    .each(Type === Float32Array ? [2 ** -120, 2 ** 120, 2 ** -50] : [2 ** -980, 2 ** 980, 2 ** -200])(
    "has the same mean whatever the unit of the class weights: %f",
    (unit) => {
      const { classWeights } = batch;
      for (const weighted of [undefined, weights]) {
        const given = { ...options, weights: weighted };
        const plain = loss.valueGradHess(prediction, target, { ...given, classWeights });
        const scaled = classWeights.map((weight) => weight * unit);
        const got = loss.valueGradHess(prediction, target, { ...given, classWeights: scaled });
        expect(Math.abs(Number(got.value) / Number(plain.value) - 1)).toBeLessThan(1e-14);
        const rights = arraysOf({ grad: plain.grad, hess: plain.hess });
        for (const [k, array] of arraysOf({ grad: got.grad, hess: got.hess }).entries()) {
          const right = rights[k] ?? array;
          const largest = Math.max(...right.map(Math.abs));
          right.forEach((entry, at) => {
            expect(ulps(Type, array[at] ?? NaN, entry, largest), `derivative ${k} at ${at}`).toBeLessThanOrEqual(4);
          });
        }
      }
    },
  );

  /** The batch with numbers in its rows of weight 0 whose losses are infinite or NaN. */
  function withHoles(batch: Batch): Pick<Batch, "prediction" | "target"> {
    const holes = spec.predictions ? [NaN, 0, Infinity] : [NaN, Infinity, -Infinity];
    const x = batch.prediction.slice();
    const y = batch.target.slice();
    batch.weights.forEach((weight, row) => {
      if (weight > 0) return;
      x.fill(holes[row % 3] ?? NaN, row * batch.length, (row + 1) * batch.length);
      if (targets === "floats") y.fill(row % 2 ? NaN : Infinity, row * batch.length, (row + 1) * batch.length);
    });
    return { prediction: x, target: y };
  }

  it("leaves out rows of weight 0, even where their loss is infinite or NaN", () => {
    for (const batch of batches) {
      const { prediction: x, target: y } = withHoles(batch);
      for (const settings of rowSettings(subject, batch)) {
        const options = { ...batch.options, ...settings, weights: batch.weights };
        for (const reduction of reductions) {
          const what = `${batch.rows} × ${batch.length} ${reduction} ${showSettings(settings)}`;
          const got = loss.valueGradHess(x, y, { ...options, reduction });
          expectRows(got, loss.valueGradHess(batch.prediction, batch.target, { ...options, reduction }), what);
          batch.weights.forEach((weight, row) => {
            if (weight === 0) expectZeros(got, row, batch.rows);
          });
        }
        expect(loss.total(x, y, options)).toEqual(loss.total(batch.prediction, batch.target, options));
      }
    }
  });

  function expectZeros(got: RowResults, row: number, rows: number): void {
    for (const array of arraysOf(got)) {
      const length = array.length / rows;
      expectBits(array.slice(row * length, (row + 1) * length), new Type(length), `row ${row}`);
    }
  }

  it("has a mean of NaN, a sum of 0 and derivatives of 0 where all weights are 0", () => {
    const nothing = new Type(rows);
    expectNothing(prediction, target, { ...options, weights: nothing });
    expect(loss.total(prediction, target, { ...options, weights: nothing })).toEqual({ sum: 0, weight: 0 });
    expect(loss.fromTotal({ sum: 0, weight: 0 })).toBe(NaN);
  });

  it("has a mean of NaN, a sum of 0 and empty derivatives of no rows", () => {
    const empty = new Type(0);
    const none = targets === "indices" ? new Int32Array(0) : empty;
    for (const weights of [undefined, empty]) {
      expectNothing(empty, none, { ...options, weights });
      if (targets === "indices") expectNothing(empty, none, { weights });
      if (!spec.labels) continue;
      expectNothing(empty, none, { ...options, weights, classWeights: batch.classWeights });
      if (targets === "indices") expectNothing(empty, none, { weights, classWeights: batch.classWeights });
    }
    expect(loss.total(empty, none, options)).toEqual({ sum: 0, weight: 0 });
  });

  /** Fails where rows of which none counts leave anything but zeros. */
  function expectNothing(x: Floats, y: Batch["target"], options: RowOptions): void {
    for (const reduction of reductions) {
      const got = loss.valueGradHess(x, y, { ...options, reduction });
      const zeros = mapped(got, (array) => new Type(array.length));
      const values = { mean: NaN, sum: 0, none: zeros.value };
      expectRows(got, { ...zeros, value: values[reduction] }, reduction);
      expectValue(loss(x, y, { ...options, reduction }), values[reduction], reduction);
      expectRows({ grad: loss.grad(x, y, { ...options, reduction }) }, { grad: zeros.grad }, reduction);
    }
  }

  it.runIf(targets === "indices")("has as many classes as the labels leave to each row", () => {
    for (const batch of batches) {
      for (const settings of rowSettings(subject, batch)) {
        const got = loss.valueGradHess(batch.prediction, batch.target, settings);
        expectRows(got, loss.valueGradHess(batch.prediction, batch.target, { ...batch.options, ...settings }));
      }
    }
  });

  it.runIf(targets === "indices")("leaves out rows of the ignored label, as those of weight 0", () => {
    for (const batch of batches) {
      const { prediction: x } = withHoles(batch);
      for (const ignoreIndex of [-100, -1, 255, -(2 ** 31)]) {
        const labels = Int32Array.from(batch.target, (label, row) => (batch.weights[row] === 0 ? ignoreIndex : label));
        for (const settings of rowSettings(subject, batch).filter((settings) => !("ignoreIndex" in settings))) {
          const options = { ...batch.options, ...settings };
          const ones = batch.weights.map((weight) => weight || 1);
          const zeros = batch.weights.map((weight) => (weight === 0 ? 0 : weight));
          for (const reduction of reductions) {
            const what = `${batch.rows} × ${batch.length} ${reduction} ${showSettings(settings)}, ${ignoreIndex}`;
            const got = loss.valueGradHess(x, labels, { ...options, ignoreIndex, reduction, weights: ones });
            const right = { ...options, reduction, weights: zeros };
            expectRows(got, loss.valueGradHess(batch.prediction, batch.target, right), what);
            batch.weights.forEach((weight, row) => {
              if (weight === 0) expectZeros(got, row, batch.rows);
            });
            const unweighted = loss.valueGradHess(x, labels, { ...options, ignoreIndex, reduction });
            batch.weights.forEach((weight, row) => {
              if (weight === 0) expectZeros(unweighted, row, batch.rows);
            });
          }
          const total = loss.total(x, labels, { ...options, ignoreIndex });
          const kept = fill(Type, batch.rows, (row) => (batch.weights[row] === 0 ? 0 : 1));
          expect(total.weight).toBe(loss.total(batch.prediction, batch.target, { ...options, weights: kept }).weight);
        }
      }
    }
  });

  it.runIf(targets === "indices")(
    "has a mean of NaN, a sum of 0 and derivatives of 0 where all labels are ignored",
    () => {
      const labels = new Int32Array(rows).fill(-1);
      expectNothing(prediction, labels, { ...options, ignoreIndex: -1 });
      expectNothing(prediction, labels, { ...options, ignoreIndex: -1, weights });
      expectNothing(prediction, labels, { ...options, ignoreIndex: -1, classWeights: batch.classWeights });
      expect(loss.total(prediction, labels, { ...options, ignoreIndex: -1 })).toEqual({ sum: 0, weight: 0 });
    },
  );

  it.runIf(spec.labels)("divides the mean by the weights times the class weights", () => {
    const { classWeights, length } = batch;
    const classWeightOf = (row: number) =>
      targets === "indices"
        ? (classWeights[target[row] ?? NaN] ?? NaN)
        : exactSum(classWeights.map((weight, k) => weight * (target[row * length + k] ?? NaN)));
    for (const weighted of [false, true]) {
      const given = { ...options, classWeights, weights: weighted ? weights : undefined };
      const { sum, weight } = loss.total(prediction, target, given);
      const right = exactSum(
        fill(Float64Array, rows, (row) => (weighted ? (weights[row] ?? NaN) : 1) * classWeightOf(row)),
      );
      // Eighths times eighths are exact; soft targets' are not.
      expect(Math.abs(weight - right)).toBeLessThanOrEqual(targets === "indices" ? 0 : 10 * close * right);
      expect(loss(prediction, target, given)).toBe(sum / weight);
      const smoothed = loss.total(prediction, target, { ...given, labelSmoothing: 0.5 });
      expect(smoothed.weight).toBe(weight);
    }
  });

  it.runIf(spec.labels && targets === "floats")(
    "takes soft targets that are NaN or infinite with class weights too",
    () => {
      const { classWeights, length } = batch;
      for (const spoilt of [NaN, Infinity]) {
        const y = target.slice();
        y[3] = spoilt;
        const none = { ...options, classWeights, reduction: "none" } as const;
        const got = loss.valueGradHess(prediction, y, none);
        const right = loss.valueGradHess(prediction, target, none);
        const rest = (results: RowResults) =>
          mapped(results, (array) => array.slice().fill(0, 0, array.length === rows ? 1 : length));
        expectRows(rest(got), rest(right), `${spoilt}`);
        expect(loss(prediction, y, { ...options, classWeights })).toBe(spoilt);
        expect(loss.total(prediction, y, { ...options, classWeights }).sum).toBe(spoilt);
      }
    },
  );

  it.runIf(spec.labels)("takes class weights of any kind, and such as are 1 for none", () => {
    const { classWeights } = batch;
    const expected = loss.valueGradHess(prediction, target, { ...options, classWeights });
    for (const other of [Array.from(classWeights), Float32Array.from(classWeights), Float64Array.from(classWeights)]) {
      expectRows(loss.valueGradHess(prediction, target, { ...options, classWeights: other }), expected);
    }
    if (targets === "floats") return;
    const ones = { ...options, classWeights: classWeights.map(() => 1) };
    expectRows(loss.valueGradHess(prediction, target, ones), loss.valueGradHess(prediction, target, options));
  });

  it.each([
    [67, 10],
    [9, 1001],
    [4001, 5],
  ])("has totals that add up over any split of the rows: %i × %i", (rows, length) => {
    const data = drawRows(subject, Type, rows, length, 2);
    const size = exactSum(perRow(loss(data.prediction, data.target, { ...data.options, reduction: "none" })));
    const perLabel = data.target.length / rows;
    for (const weighted of [false, true]) {
      const totalOf = (from: number, to: number) =>
        loss.total(
          data.prediction.subarray(from * length, to * length),
          data.target.subarray(from * perLabel, to * perLabel),
          { ...data.options, weights: weighted ? data.weights.subarray(from, to) : undefined },
        );
      const whole = totalOf(0, rows);
      expect(whole.weight).toBe(weighted ? exactSum(data.weights) : rows);
      const cuts = [0, 1, 2, rows >> 2, rows >> 1, rows - 1, rows];
      const parts = cuts.slice(1).map((to, k) => totalOf(cuts[k] ?? 0, to));
      const merged = mergeTotals(...parts);
      expect(merged.weight).toBe(whole.weight);
      // No weight is above 2.
      expect(Math.abs(merged.sum - whole.sum)).toBeLessThanOrEqual(2 * close * size);
      const mean = loss(data.prediction, data.target, {
        ...data.options,
        weights: weighted ? data.weights : undefined,
      });
      expect(Math.abs(loss.fromTotal(merged) - Number(mean))).toBeLessThanOrEqual((2 * close * size) / whole.weight);
    }
  });

  it("writes into the caller's buffers, and into those only that were asked for", () => {
    for (const batch of batches) {
      const { rows, prediction, target, options } = batch;
      const sevens = (n: number) => fill(Type, n, () => 7);
      for (const reduction of reductions) {
        for (const weights of [undefined, batch.weights]) {
          const what = `${rows} × ${batch.length} ${reduction}`;
          const expected = loss.valueGradHess(prediction, target, { ...options, reduction, weights });
          const blank = outOf(subject, batch, reduction, sevens);
          const out = outOf(subject, batch, reduction, sevens);
          const given = { ...options, reduction, weights, out };

          expect(loss.total(prediction, target, given)).toEqual(
            loss.total(prediction, target, { ...given, out: undefined }),
          );
          expectRows(out, blank, `${what} total`);
          if (reduction !== "none") expectValue(loss(prediction, target, given), expected.value, what);
          else expect(loss(prediction, target, given)).toBe(out.value);
          expectRows({ grad: out.grad, hess: out.hess }, { grad: blank.grad, hess: blank.hess }, `${what} value`);

          if (out.value) out.value.fill(7);
          expectSame({ grad: loss.grad(prediction, target, given) }, out);
          expectRows({ grad: out.grad }, { grad: expected.grad }, `${what} grad`);
          expectRows({ ...out, grad: blank.grad }, blank, `${what} grad`);

          const got = loss.valueGradHess(prediction, target, given);
          expectSame(got, out);
          expectRows(got, expected, what);

          const some = loss.valueGradHess(prediction, target, { ...given, out: { hess: out.hess } });
          expectSame({ hess: some.hess }, out);
          expect(arraysOf({ grad: some.grad }).some((array) => arraysOf(out).includes(array))).toBe(false);
          expectRows(some, expected, `${what} some`);
        }
      }
    }
  });

  /** Fails unless what was returned are the caller's own buffers. */
  function expectSame(got: Partial<RowResults>, out: Partial<RowResults>): void {
    const own = new Map(fieldsOf(out));
    for (const [field, array] of fieldsOf(got)) {
      if (typeof array !== "number") expect(array === own.get(field), field).toBe(true);
    }
  }
});
