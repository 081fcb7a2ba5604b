/** Where the numbers of row losses stand: shapes, alignments, memories, kinds of integers, in whose place results are written. */
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { Integers } from "../../src/index.js";
import { exactSum } from "../bits.js";
import { type Guarded, guarded, resizable, resize, shared } from "../buffers.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import { fill } from "../random.js";
import { type Batch, drawRows, fieldsOf, type RowResults, typedRowSubjects } from "./implementations.js";
import { arraysOf, expectRows, mapped, outOf, perRow } from "./results.js";

const reductions = ["mean", "sum", "none"] as const;

/** Longer rows and batches than the kernels' memory holds at a time, and such as it holds several of. */
const long = [
  { rows: 2, length: 20_011 },
  { rows: 5, length: 4099 },
  { rows: 300, length: 131 },
  { rows: 12_007, length: 3 },
  { rows: 9001, length: 1 },
] as const;
/** The reference knows no rounds, and takes its time. */
const longs = { wasm: long, reference: [{ rows: 9, length: 131 }] } as const;
/** Around every power of two. */
const lengths = Array.from({ length: 13 }, (_, k) => 2 ** k)
  .flatMap((mark) => [mark - 1, mark, mark + 1])
  .filter((length) => length > 0);

describe.each(typedRowSubjects)("$title", (subject) => {
  const { spec, targets, implementation, loss, oracle, Type } = subject;
  const labelled = targets === "indices";
  const long = longs[implementation];

  /** The first rows of a batch, or some others. */
  function rowsOf({ prediction, target, weights, rows, length }: Batch, from: number, to: number) {
    const n = target.length / rows;
    return {
      prediction: prediction.subarray(from * length, to * length),
      target: target.subarray(from * n, to * n),
      weights: weights.subarray(from, to),
    };
  }

  it("returns arrays of the prediction's type, each with a buffer of its own", () => {
    const { prediction, target, options } = drawRows(subject, Type, 7, 5);
    for (const reduction of reductions) {
      const got = loss.valueGradHess(prediction, target, { ...options, reduction });
      for (const [name, array] of fieldsOf(got)) {
        if (typeof array === "number") {
          expect([name, reduction]).not.toEqual(["value", "none"]);
          continue;
        }
        expect(array.constructor).toBe(Type);
        expect(array.length, name).toBe(name === "value" ? 7 : 35);
        expect(array.buffer.byteLength, name).toBe(array.byteLength);
      }
      const buffers = arraysOf(got).map((array) => array.buffer);
      expect(new Set(buffers).size).toBe(buffers.length);
    }
  });

  it("changes no input, repeats itself, and leaves earlier results alone", () => {
    for (const { rows, length } of [{ rows: 7, length: 5 }, ...long]) {
      const batch = drawRows(subject, Type, rows, length, 2);
      const other = drawRows(subject, Type, 3, 2, 3);
      const ofLabels = spec.labels ? { classWeights: batch.classWeights } : {};
      const inputs = [batch.prediction, batch.target, batch.weights, batch.classWeights];
      const copies = inputs.map((array) => array.slice());
      for (const reduction of reductions) {
        const options = { ...batch.options, ...ofLabels, reduction, weights: batch.weights };
        const before = loss.valueGradHess(batch.prediction, batch.target, options);
        const kept = mapped(before, (array) => array.slice());
        loss.valueGradHess(other.prediction, other.target, { ...other.options, reduction });
        expectRows(before, kept, "after another call");
        expectRows(loss.valueGradHess(batch.prediction, batch.target, options), kept, "again");
      }
      inputs.forEach((array, k) => {
        expect(differs(array, copies[k]), `input ${k}`).toBe(false);
      });
    }
  });

  it("reads and writes rows of every length to 35 at every alignment, and no byte beside them", () => {
    for (const length of [...Array.from({ length: 35 }, (_, k) => k + 1), 63, 64, 65, 67]) {
      for (const rows of length < 20 ? [1, 2, 3] : [3]) {
        const batch = drawRows(subject, Type, rows, length, length);
        for (const reduction of reductions) {
          const ofLabels = spec.labels ? { classWeights: batch.classWeights } : {};
          const plain = { ...batch.options, ...ofLabels, reduction, weights: batch.weights };
          const expected = loss.valueGradHess(batch.prediction, batch.target, plain);
          for (let offset = 0; offset < 8; offset++) {
            const what = `${rows} × ${length}, offset ${offset}, ${reduction}`;
            const all: Guarded[] = [];
            const place = (array: Floats, shift: number) => {
              const found = guarded(Type, array, (offset + shift) % 8);
              all.push(found);
              return found.array;
            };
            const target = batch.target instanceof Int32Array ? batch.target : place(batch.target, 3);
            const inputs = [batch.prediction, batch.weights, batch.classWeights];
            const [x, w, c] = inputs.map((array, k) => place(array, 5 * k));
            const out = outOf(subject, batch, reduction, (n) => place(new Type(n), all.length));
            const options = { ...plain, weights: w, ...(spec.labels ? { classWeights: c } : {}), out };
            const got = loss.valueGradHess(x ?? batch.prediction, target, options);
            expectRows(got, expected, what);
            for (const { expectGuards } of all) expectGuards(what);
            [x, w, c].forEach((array, k) => {
              expect(differs(array, inputs[k]), `${what}: input ${k}`).toBe(false);
            });
            expect(differs(target, batch.target), `${what}: target`).toBe(false);
          }
        }
      }
    }
  });

  it.each([...lengths.filter((length) => length < 300).map((length) => ({ rows: 13, length })), ...long])(
    "gives a row the same bits alone and wherever it stands: $rows × $length",
    ({ rows, length }) => {
      const batch = drawRows(subject, Type, rows, length, 3);
      const options = { ...batch.options, reduction: "none" } as const;
      const whole = loss.valueGradHess(batch.prediction, batch.target, options);
      const step = Math.max(1, Math.floor(rows / 100));
      for (let row = 0; row < rows; row = row === rows - 1 ? rows : Math.min(row + step, rows - 1)) {
        const { prediction, target } = rowsOf(batch, row, row + 1);
        const own = mapped(whole, (array) => part(array, rows, row, row + 1));
        expectRows(loss.valueGradHess(prediction, target, options), own, `row ${row}`);
      }
      for (const from of [1, rows >> 1, rows - 1]) {
        const { prediction, target } = rowsOf(batch, from, rows);
        const own = mapped(whole, (array) => part(array, rows, from, rows));
        expectRows(loss.valueGradHess(prediction, target, options), own, `from row ${from}`);
      }
    },
  );

  // That no row and no part of one is forgotten or misplaced. The last bits are for the golden values.
  it("is about what the reference says, whatever the shape", () => {
    const close = Type === Float32Array ? 1e-6 : 1e-14;
    for (const { rows, length } of [...lengths.map((length) => ({ rows: 5, length })), ...long]) {
      const what = `${rows} × ${length}`;
      const batch = drawRows(subject, Type, rows, length, 4);
      const wide = [batch.prediction, batch.target].map((array) => Float64Array.from(array));
      const target = labelled ? batch.target : wide[1];
      const options = { ...batch.options, reduction: "none" } as const;
      const got = loss.valueGradHess(batch.prediction, batch.target, options);
      const exact = new Map(
        fieldsOf(oracle.valueGradHess(wide[0] ?? new Float64Array(0), target ?? batch.target, options)),
      );
      for (const [name, array] of fieldsOf(got)) {
        const right = exact.get(name);
        if (typeof array === "number" || typeof right === "number" || right === undefined) throw new Error("one array");
        expect(array.length, what).toBe(right.length);
        for (let row = 0; row < rows; row++) {
          const [found, own] = [array, right].map((all) => part(all, rows, row, row + 1));
          if (found && own) expectClose(found, own, close, `${name} of row ${row}, ${what}`);
        }
      }

      const values = Float64Array.from(perRow(exact.get("value") ?? NaN));
      for (const weighted of [false, true]) {
        const weights = weighted ? batch.weights : undefined;
        const { sum, weight } = loss.total(batch.prediction, batch.target, { ...batch.options, weights });
        expect(weight, `weight of ${what}`).toBe(weighted ? exactSum(batch.weights) : rows);
        const parts = values.map((value, row) => value * (weighted ? (batch.weights[row] ?? NaN) : 1));
        const size = exactSum(parts.map(Math.abs));
        expect(Math.abs(sum - exactSum(parts)), `sum of ${what}`).toBeLessThanOrEqual(close * size);
      }
    }
  });

  it.each([{ rows: 1, length: 1 }, { rows: 7, length: 5 }, { rows: 3, length: 67 }, ...long])(
    "puts the gradient in the place of what it is by: $rows × $length",
    ({ rows, length }) => {
      const batch = drawRows(subject, Type, rows, length, 5);
      for (const reduction of reductions) {
        for (const weights of [undefined, batch.weights]) {
          const options = { ...batch.options, reduction, weights };
          const expected = loss.valueGradHess(batch.prediction, batch.target, options);
          const [x, y] = [batch.prediction.slice(), batch.target.slice()];
          const grad = spec.both ? { mean: x, logVariance: y } : x;
          const got = loss.valueGradHess(x, y, { ...options, out: { grad } });
          expectRows(got, expected, reduction);
          const places = arraysOf({ grad: got.grad });
          expect(places.every((array, k) => array === [x, y][k])).toBe(true);
          if (!spec.both) expect(differs(y, batch.target)).toBe(false);

          x.set(batch.prediction);
          y.set(batch.target);
          expectRows({ grad: loss.grad(x, y, { ...options, out: { grad } }) }, { grad: expected.grad }, reduction);
        }
      }
    },
  );

  it.runIf(spec.both)("puts one gradient of two in its place", () => {
    const { prediction, target, options } = drawRows(subject, Type, 67, 7, 6);
    const expected = loss.valueGradHess(prediction, target, options);
    const [x, y] = [prediction.slice(), target.slice()];
    expectRows(loss.valueGradHess(x, target, { ...options, out: { grad: { mean: x } } }), expected);
    expectRows(loss.valueGradHess(prediction, y, { ...options, out: { grad: { logVariance: y } } }), expected);
  });

  it.skipIf(labelled).each([{ rows: 67, length: 1 }, { rows: 7, length: 5 }, ...long])(
    "takes one array for several: $rows × $length",
    ({ rows, length }) => {
      const { prediction, options } = drawRows(subject, Type, rows, length, 7);
      // A prediction is a target for every loss here when it is made positive, and in rows of one a weight.
      const array = prediction.map(Math.abs);
      const weights = length === 1 ? array : undefined;
      for (const reduction of reductions) {
        const got = loss.valueGradHess(array, array, { ...options, reduction, weights });
        const apart = { ...options, reduction, weights: weights?.slice() };
        expectRows(got, loss.valueGradHess(array.slice(), array.slice(), apart), reduction);
      }
    },
  );

  it.each([{ rows: 0, length: 5 }, { rows: 7, length: 5 }, ...long])(
    "takes shared, resizable and other realms' memory: $rows × $length",
    ({ rows, length }) => {
      const batch = drawRows(subject, Type, rows, length, 8);
      const { prediction, target, weights, classWeights } = batch;
      const kinds: Record<string, (array: Floats) => Floats> = {
        shared: (array) => shared(Type, array),
        resizable: (array) => resizable(Type, array),
        foreign: (array) => runInNewContext(`new ${Type.name}(content)`, { content: array }),
      };
      const labels: Record<string, (array: Int32Array) => Int32Array> = {
        shared: (array) => sharedLabels(array),
        resizable: (array) => resizableLabels(array),
        foreign: (array) => runInNewContext("new Int32Array(content)", { content: array }),
      };
      const ofLabels = (c: Floats) => (spec.labels ? { classWeights: c } : {});
      const given = { ...batch.options, reduction: "none" } as const;
      const expected = loss.valueGradHess(prediction, target, { ...given, weights, ...ofLabels(classWeights) });
      for (const [kind, make] of Object.entries(kinds)) {
        const [x, w, c] = [make(prediction), make(weights), make(classWeights)];
        const y = target instanceof Int32Array ? (labels[kind]?.(target) ?? target) : make(target);
        const options = { ...given, weights: w, ...ofLabels(c) };
        expectRows(loss.valueGradHess(x, y, options), expected, kind);

        const out = outOf(subject, batch, "none", (n) => make(new Type(n)));
        const got = loss.valueGradHess(x, y, { ...options, out });
        expect(arraysOf(got).every((array, k) => array === arraysOf(out)[k])).toBe(true);
        expectRows(
          mapped(got, (array) => new Type(array)),
          expected,
          `${kind} out`,
        );
      }
    },
  );

  it("follows the length of a resizable buffer", () => {
    const { prediction, target, options } = drawRows(subject, Type, 67, 5);
    const x = resizable(Type, prediction);
    const y = target instanceof Int32Array ? resizableLabels(target) : resizable(Type, target);
    for (const rows of [67, 31, 0, 66]) {
      resize(x, rows * 5);
      const bytes = rows * (target.length / 67) * y.BYTES_PER_ELEMENT;
      Reflect.apply(Reflect.get(y.buffer, "resize"), y.buffer, [bytes]);
      // What comes back is 0, which every loss takes.
      expect(x.length).toBe(rows * 5);
      const expected = loss.valueGradHess(x.slice(), y.slice(), { ...options, reduction: "none" });
      expect(perRow(expected.value).length).toBe(rows);
      expectRows(loss.valueGradHess(x, y, { ...options, reduction: "none" }), expected, `${rows} rows`);
    }
  });

  it.runIf(Type === Float64Array)("takes plain numbers as Float64Array", () => {
    const batch = drawRows(subject, Type, 7, 5);
    const { prediction, target, weights, classWeights } = batch;
    const ofLabels = (c: unknown) => (spec.labels ? { classWeights: c } : {});
    const y = labelled ? target : Array.from(target);
    for (const reduction of reductions) {
      const options = { ...batch.options, reduction };
      const expected = loss.valueGradHess(prediction, target, { ...options, weights, ...ofLabels(classWeights) });
      const out = outOf(subject, batch, reduction, (n) => new Type(n));
      const plain = { ...options, weights: Array.from(weights), ...ofLabels(Array.from(classWeights)) };
      const got = Reflect.apply(loss.valueGradHess, undefined, [Array.from(prediction), y, { ...plain, out }]);
      expectRows(got, expected, reduction);
      expectRows(out, "value" in out ? expected : { grad: expected.grad, hess: expected.hess }, reduction);
    }
  });

  it.each([{ rows: 7, length: 5 }, ...long])(
    "takes arrays of a subclass without its constructor: $rows × $length",
    ({ rows, length }) => {
      const named = namings(Type);
      const batch = drawRows(subject, Type, rows, length, 12);
      const ofLabels = (c: Floats) => (spec.labels ? { classWeights: c } : {});
      const given = { ...batch.options, reduction: "none" } as const;
      const { prediction, target, weights, classWeights } = batch;
      const expected = loss.valueGradHess(prediction, target, { ...given, weights, ...ofLabels(classWeights) });
      const y = target instanceof Int32Array ? target : named(target);
      const out = outOf(subject, batch, "none", (n) => named(new Type(n)));
      const options = { ...given, weights: named(weights), ...ofLabels(named(classWeights)) };
      expectRows(loss.valueGradHess(named(prediction), y, options), expected);
      const got = loss.valueGradHess(named(prediction), y, { ...options, out });
      expectRows(
        mapped(got, (array) => new Type(array)),
        expected,
        "out",
      );
    },
  );

  it("has no rows in empty arrays, however long they would be", () => {
    const empty = new Type(0);
    const options = { [spec.length]: 2 ** 40 };
    const labels = labelled ? new Int32Array(0) : empty;
    expect(loss(empty, labels, options)).toBe(NaN);
    expect(loss.total(empty, labels, options)).toEqual({ sum: 0, weight: 0 });
  });

  // Node has it from 24 on.
  it.runIf(Type === Float32Array && "Float16Array" in globalThis)("takes Float16Array as Float32Array", () => {
    const Half: Float32ArrayConstructor = Reflect.get(globalThis, "Float16Array");
    const { prediction, target, weights, options } = drawRows(subject, Type, 7, 5);
    const [x, w] = [new Half(prediction), new Half(weights)];
    const y = target instanceof Int32Array ? target : new Half(target);
    const single = y instanceof Int32Array ? y : new Float32Array(y);
    for (const reduction of reductions) {
      const expected = loss.valueGradHess(new Float32Array(x), single, { ...options, reduction, weights });
      expectRows(loss.valueGradHess(x, y, { ...options, reduction, weights: w }), expected);
    }
  });

  it.each([{ rows: 5, length: 9 }, ...long])("keeps a NaN in its row: $rows × $length", ({ rows, length }) => {
    const batch = drawRows(subject, Type, rows, length, 9);
    const mean = loss.valueGradHess(batch.prediction, batch.target, batch.options);
    const options = { ...batch.options, reduction: "none" } as const;
    const own = loss.valueGradHess(batch.prediction, batch.target, options);
    const some = rows * length < 100;
    const places = some ? Array.from({ length: rows * length }, (_, k) => k) : [0, length - 1, rows * length - 1];
    for (const which of labelled ? (["prediction"] as const) : (["prediction", "target"] as const)) {
      for (const at of places) {
        const what = `NaN in ${which} at ${at}`;
        const row = Math.floor(at / length);
        const arrays = { prediction: batch.prediction.slice(), target: batch.target.slice() };
        arrays[which][at] = NaN;
        expect(loss(arrays.prediction, arrays.target, batch.options), what).toBe(NaN);
        expect(loss(arrays.prediction, arrays.target, { ...batch.options, reduction: "sum" }), what).toBe(NaN);
        expect(loss.total(arrays.prediction, arrays.target, batch.options).sum, what).toBe(NaN);

        const got = loss.valueGradHess(arrays.prediction, arrays.target, options);
        expect(perRow(got.value)[row], what).toBe(NaN);
        const grad = ArrayBuffer.isView(got.grad)
          ? got.grad
          : which === "prediction"
            ? got.grad.mean
            : got.grad.logVariance;
        expect(grad[at], what).toBe(NaN);
        const averaged = loss.valueGradHess(arrays.prediction, arrays.target, batch.options);
        for (const [found, right] of [
          [got, own],
          [averaged, { ...mean, value: NaN }],
        ] as const) {
          const without = (results: RowResults) =>
            mapped(results, (array) => {
              const length = array.length / rows;
              return array.slice().fill(0, row * length, (row + 1) * length);
            });
          expectRows(without(found), without(right), what);
        }
      }
    }
  });
});

/** Every kind of integers, each with a number that is no class to anybody. */
const integers: readonly { kind: string; far: number; make(labels: ArrayLike<number>): Integers }[] = [
  { kind: "Int8Array", far: -128, make: (labels) => Int8Array.from(labels) },
  { kind: "Uint8Array", far: 255, make: (labels) => Uint8Array.from(labels) },
  { kind: "Uint8ClampedArray", far: 255, make: (labels) => Uint8ClampedArray.from(labels) },
  { kind: "Int16Array", far: -32_768, make: (labels) => Int16Array.from(labels) },
  { kind: "Uint16Array", far: 65_535, make: (labels) => Uint16Array.from(labels) },
  { kind: "Int32Array", far: -(2 ** 31), make: (labels) => Int32Array.from(labels) },
  { kind: "Uint32Array", far: 2 ** 32 - 1, make: (labels) => Uint32Array.from(labels) },
  { kind: "BigInt64Array", far: -(2 ** 53), make: (labels) => BigInt64Array.from(Array.from(labels), BigInt) },
  { kind: "BigUint64Array", far: 2 ** 53, make: (labels) => BigUint64Array.from(Array.from(labels), BigInt) },
];

describe.each(typedRowSubjects.filter(({ targets }) => targets === "indices"))("the labels of $title", (subject) => {
  const { name, loss, Type } = subject;
  const { prediction, target, weights, classWeights } = drawRows(subject, Type, 67, 5);

  it.each(integers)("may be an $kind", ({ make }) => {
    for (const reduction of reductions) {
      for (const settings of [{}, { weights }, { classWeights }, { classes: 5, labelSmoothing: 0.1 }]) {
        const options = { ...settings, reduction };
        const expected = loss.valueGradHess(prediction, target, options);
        const labels = make(Array.from(target, Number));
        expectRows(loss.valueGradHess(prediction, labels, options), expected);
        expect(Array.from(labels, Number)).toEqual(Array.from(target));
        // Within a longer array, between labels that are none.
        const within = make([99, ...Array.from(target, Number), 99]).subarray(1, 68);
        expectRows(loss.valueGradHess(prediction, within, options), expected);
      }
    }
  });

  it.each(integers)("may be an $kind of another realm, an empty one too", ({ kind, make }) => {
    const foreign = (n: number): Integers =>
      runInNewContext(`new ${kind}(content)`, { content: make(Array.from(target.subarray(0, n), Number)) });
    for (const n of [0, 67]) {
      const logits = prediction.subarray(0, n * 5);
      const expected = loss.valueGradHess(logits, target.subarray(0, n), { classes: 5 });
      expectRows(loss.valueGradHess(logits, foreign(n), { classes: 5 }), expected, `${n} rows`);
    }
  });

  it.each(integers)("may be many in an $kind", ({ make }) => {
    for (const { rows, length } of longs[subject.implementation].filter(({ length }) => length < 128)) {
      const { prediction, target, options } = drawRows(subject, Type, rows, length, 11);
      const expected = loss.valueGradHess(prediction, target, { ...options, reduction: "none" });
      const labels = make(Array.from(target, Number));
      expectRows(loss.valueGradHess(prediction, labels, { ...options, reduction: "none" }), expected);
      expect(loss.total(prediction, labels, options)).toEqual(loss.total(prediction, target, options));
    }
  });

  it.each(integers)("may be ignored in an $kind at the end of its range", ({ far, make }) => {
    const left = (ignored: number) => Array.from(target, (label, row) => (row % 3 === 1 ? ignored : Number(label)));
    const expected = loss.valueGradHess(prediction, Int32Array.from(left(-1)), { ignoreIndex: -1 });
    expectRows(loss.valueGradHess(prediction, make(left(far)), { ignoreIndex: far }), expected);
    expect(loss.total(prediction, make(left(far)), { ignoreIndex: far }).weight).toBe(45);
  });

  it.each([
    { labels: Uint32Array.of(2, 4_294_967_295, 1), ignoreIndex: -1, shown: "4294967295" },
    { labels: Int32Array.of(2, -1, 1), ignoreIndex: 4_294_967_295, shown: "-1" },
    { labels: Uint16Array.of(2, 65_535, 1), ignoreIndex: -1, shown: "65535" },
    { labels: Int16Array.of(2, -1, 1), ignoreIndex: 65_535, shown: "-1" },
    { labels: Uint8Array.of(2, 255, 1), ignoreIndex: -1, shown: "255" },
    { labels: Uint8ClampedArray.of(2, 255, 1), ignoreIndex: -1, shown: "255" },
    { labels: Int8Array.of(2, -1, 1), ignoreIndex: 255, shown: "-1" },
    { labels: Uint32Array.of(2, 2 ** 31, 1), ignoreIndex: -(2 ** 31), shown: "2147483648" },
    { labels: Int32Array.of(2, 4, 1), ignoreIndex: 2 ** 32 + 4, shown: undefined },
    { labels: BigInt64Array.of(2n, -1n, 1n), ignoreIndex: 4_294_967_295, shown: "-1" },
    { labels: BigInt64Array.of(2n, 4_294_967_295n, 1n), ignoreIndex: -1, shown: "4294967295" },
    { labels: BigInt64Array.of(2n, 4_294_967_297n, 1n), ignoreIndex: 1, shown: "4294967297" },
    { labels: BigUint64Array.of(2n, 4_294_967_296n, 1n), ignoreIndex: -1, shown: "4294967296" },
    { labels: BigUint64Array.of(2n, 18_446_744_073_709_551_615n, 1n), ignoreIndex: -1, shown: "18446744073709552000" },
  ])("are taken as they are, $shown not for another of the same low bits ($ignoreIndex)", (row) => {
    const { labels, ignoreIndex, shown } = row;
    const logits = prediction.slice(0, 15);
    for (const options of [{}, { ignoreIndex }]) {
      if (shown === undefined) {
        const expected = loss.valueGradHess(logits, Uint8Array.from(labels, Number), {});
        expectRows(loss.valueGradHess(logits, labels, options), expected);
      } else {
        const message = `${name}: label ${shown} at row 1 is not in 0…4`;
        expect(() => loss(logits, labels, options)).toThrow(new RangeError(message));
      }
    }
    const last = { ignoreIndex: Number(labels[1]), reduction: "none" } as const;
    expect(perRow(loss(logits, labels, last))[1]).toBe(0);
  });

  it("are as many as there are classes", () => {
    const length = 70_000;
    const logits = fill(Type, 2 * length, () => 0);
    for (const label of [0, 255, 256, 32_768, 65_535, 65_536, 69_999]) {
      for (const labels of [Int32Array.of(label, 0), Uint32Array.of(label, 0), BigInt64Array.of(BigInt(label), 0n)]) {
        const grad = loss.grad(logits, labels, { reduction: "none" });
        if (!ArrayBuffer.isView(grad)) throw new Error("one gradient");
        expect([grad.findIndex((slope) => slope < 0), grad.findLastIndex((slope) => slope < 0)]).toEqual([
          label,
          length,
        ]);
      }
    }
    expect(() => loss(logits, Int32Array.of(0, length), {})).toThrow(`label ${length} at row 1 is not in 0…69999`);
  });
});

/** Copies arrays to such of a class whose constructor takes no array, no buffer and no length. */
function namings(Type: FloatsConstructor): (array: Floats) => Floats {
  class Single extends Float32Array {
    constructor(name: string) {
      super(name.length);
    }
  }
  class Double extends Float64Array {
    constructor(name: string) {
      super(name.length);
    }
  }
  return (array) => {
    const name = "x".repeat(array.length);
    const copy = Type === Float32Array ? new Single(name) : new Double(name);
    copy.set(array);
    return copy;
  };
}

function sharedLabels(labels: Int32Array): Int32Array {
  const array = new Int32Array(new SharedArrayBuffer(labels.byteLength));
  array.set(labels);
  return array;
}

function resizableLabels(labels: Int32Array): Int32Array {
  const options = { maxByteLength: 2 * labels.byteLength + 64 };
  const buffer: ArrayBuffer = Reflect.construct(ArrayBuffer, [labels.byteLength, options]);
  const array = new Int32Array(buffer);
  array.set(labels);
  return array;
}

/** Of an array of rows, or of one number a row, those from one row to another. */
function part(array: Floats, rows: number, from: number, to: number): Floats {
  const length = array.length / rows;
  return array.slice(from * length, to * length);
}

/** Fails where an entry is off by more than so much of the row's largest, or of 1, which a softmax row has terms of. */
function expectClose(array: Floats, right: Floats, close: number, what: string): void {
  let largest = 1;
  for (const entry of right) largest = Math.max(largest, Math.abs(entry));
  for (let k = 0; k < array.length; k++) {
    const off = Math.abs((array[k] ?? NaN) - (right[k] ?? NaN));
    if (!(off <= close * largest)) expect.fail(`${what}: ${array[k]} is not about ${right[k]} at ${k}`);
  }
}

function differs(array: ArrayBufferView | undefined, other: ArrayBufferView | undefined): boolean {
  if (array === undefined || other === undefined) throw new Error("two arrays");
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => Buffer.from(buffer, byteOffset, byteLength);
  return !bytes(array).equals(bytes(other));
}
