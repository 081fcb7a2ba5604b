/** Where the numbers stand: lengths, alignments, memories, in whose place results are written. */
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { ROUND } from "../assembly/want.js";
import type { Results } from "./bits.js";
import { exactSum, expectBits, expectResults } from "./bits.js";
import { guarded, resizable, resize, shared } from "./buffers.js";
import type { Floats } from "./implementations.js";
import { reductionsOf, typedSubjects } from "./implementations.js";
import { type Data, drawData, fill } from "./random.js";

/** Longer than any vector, and not a multiple of one. */
const N = 67;

function first({ prediction, target, weights }: Data, n: number): Data {
  return { prediction: prediction.slice(0, n), target: target.slice(0, n), weights: weights.slice(0, n) };
}

describe.each(typedSubjects)("$title", ({ loss, oracle, spec, Type, long }) => {
  const reductions = reductionsOf(spec);
  const data = drawData(spec, Type, N);
  const { prediction, target } = data;

  /** What every element has of its own; a root has but one value. */
  const each = ({ prediction, target }: Omit<Data, "weights">): Results =>
    loss.valueGradHess(prediction, target, { reduction: spec.root ? "mean" : "none" });

  it("returns arrays of the prediction's type, each with a buffer of its own", () => {
    const { value, grad, hess } = each(data);
    const arrays = typeof value === "number" ? [grad, hess] : [value, grad, hess];
    for (const array of arrays) {
      expect(array.constructor).toBe(Type);
      expect(array.length).toBe(N);
      expect(array.buffer.byteLength).toBe(array.byteLength);
    }
    expect(new Set(arrays.map((array) => array.buffer)).size).toBe(arrays.length);
  });

  it("changes no input, repeats itself, and leaves earlier results alone", () => {
    for (const n of [N, long]) {
      const { prediction, target, weights } = drawData(spec, Type, n, 2);
      const inputs = [prediction, target, weights];
      const copies = inputs.map((array) => array.slice());
      for (const reduction of reductions) {
        const before = loss.valueGradHess(prediction, target, { reduction, weights });
        const kept = copied(before);
        loss.valueGradHess(target, target, { reduction });
        expectResults(before, kept, "after another call");
        expectResults(loss.valueGradHess(prediction, target, { reduction, weights }), kept, "again");
      }
      inputs.forEach((array, k) => {
        expectBits(array, copies[k] ?? array, "input");
      });
    }
  });

  it("reads and writes arrays of every length to 67 at every alignment, and no byte beside them", () => {
    for (let n = 0; n <= N; n++) {
      const { prediction, target, weights } = first(data, n);
      for (const reduction of reductions) {
        for (const weighted of [false, true]) {
          const plain = weighted ? { reduction, weights } : { reduction };
          const expected = loss.valueGradHess(prediction, target, plain);
          for (let offset = 0; offset < 8; offset++) {
            const what = `${n} elements, offset ${offset}, ${reduction}`;
            const place = (array: Floats, shift: number) => guarded(Type, array, (offset + shift) % 8);
            const [x, y, w] = [place(prediction, 0), place(target, 3), place(weights, 6)];
            const blank = new Type(n);
            const [value, grad, hess] = [place(blank, 1), place(blank, 5), place(blank, 2)];
            const out = { grad: grad.array, hess: hess.array };
            const got = loss.valueGradHess(x.array, y.array, {
              reduction,
              weights: weighted ? w.array : undefined,
              out: reduction === "none" ? { ...out, value: value.array } : out,
            });
            expectResults(got, expected, what);
            for (const { expectGuards } of [x, y, w, value, grad, hess]) expectGuards(what);
            expectBits(x.array, prediction, `${what}: prediction`);
            expectBits(y.array, target, `${what}: target`);
            expectBits(w.array, weights, `${what}: weights`);
          }
        }
      }
    }
  });

  describe("at lengths around every power of two, so every block, and around rounds", () => {
    const marks = [...Array.from({ length: 14 }, (_, k) => 2 ** k), ROUND, 2 * ROUND, 3 * ROUND, 50_000];
    const lengths = marks.flatMap((mark) => [mark - 1, mark, mark + 1]);
    const most = Math.max(...lengths);
    const whole = drawData(spec, Type, most, 3);
    const [wideX, wideY] = [Float64Array.from(whole.prediction), Float64Array.from(whole.target)];
    const exact = oracle.valueGradHess(wideX, wideY, { reduction: spec.root ? "mean" : "none" });
    const close = Type === Float32Array ? 1e-6 : 1e-14;

    // That no round is forgotten or misplaced. The last bits are for the golden values.
    it("is about what the reference says", () => {
      const got = each(whole);
      const ends = typeof got.value === "number" ? [] : [got.value];
      const rights = typeof exact.value === "number" ? [] : [exact.value];
      const pairs = [...ends, got.grad, got.hess].map((array, j) => [array, [...rights, exact.grad, exact.hess][j]]);
      for (let k = 0; k < most; k++) {
        const largest = Math.max(...pairs.map(([, right]) => Math.abs(right?.[k] ?? NaN)), spec.root ? 0 : 1);
        for (const [array, right] of pairs) {
          const off = Math.abs((array?.[k] ?? NaN) - (right?.[k] ?? NaN));
          if (!(off <= close * largest)) expect.fail(`${array?.[k]} is not about ${right?.[k]} at ${k}`);
        }
      }
    });

    it.skipIf(spec.root)("gives an element the same bits", () => {
      const longest = loss.valueGradHess(whole.prediction, whole.target, { reduction: "none" });
      for (const n of lengths) {
        const part = first(whole, n);
        const got = loss.valueGradHess(part.prediction, part.target, { reduction: "none" });
        expectBits(got.value, longest.value.subarray(0, n), `${n} elements, value`);
        expectBits(got.grad, longest.grad.subarray(0, n), `${n} elements, grad`);
        expectBits(got.hess, longest.hess.subarray(0, n), `${n} elements, hess`);
      }
    });

    it("adds all of them up", () => {
      const values = typeof exact.value === "number" ? undefined : exact.value;
      for (const n of lengths) {
        const part = first(whole, n);
        const { sum, weight } = loss.total(part.prediction, part.target);
        const right = values
          ? exactSum(values.subarray(0, n))
          : oracle.total(wideX.subarray(0, n), wideY.subarray(0, n)).sum;
        expect(weight).toBe(n);
        expect(Math.abs(sum - right), `sum of ${n}`).toBeLessThanOrEqual(close * right);
        const weighted = loss.total(part.prediction, part.target, { weights: part.weights });
        expect(weighted.weight, `weight of ${n}`).toBe(exactSum(part.weights));
      }
    });
  });

  it("writes into the caller's buffers, and into those only that were asked for", () => {
    for (const n of [0, 1, N, long]) {
      const { prediction, target } = drawData(spec, Type, n, 4);
      const untouched = fill(Type, n, () => 7);
      for (const reduction of reductions) {
        const expected = loss.valueGradHess(prediction, target, { reduction });
        const value = reduction === "none" ? untouched.slice() : undefined;
        const out = { value, grad: untouched.slice(), hess: untouched.slice() };

        expect(loss.grad(prediction, target, { reduction, out })).toBe(out.grad);
        expectBits(out.grad, expected.grad);
        expectBits(out.hess, untouched, "hess, unasked");
        if (value) expectBits(value, untouched, "value, unasked");

        const got = loss.valueGradHess(prediction, target, { reduction, out });
        expect(got.grad).toBe(out.grad);
        expect(got.hess).toBe(out.hess);
        if (value) expect(got.value).toBe(value);
        expectResults(got, expected, reduction);

        const some = loss.valueGradHess(prediction, target, { reduction, out: { hess: out.hess } });
        expect(some.hess).toBe(out.hess);
        expect(some.grad === out.grad).toBe(false);
        expectResults(some, expected, reduction);
      }
    }
  });

  it.each([1, 5, N, long])("puts the gradient in the prediction's place: %i elements", (n) => {
    const { prediction, target, weights } = drawData(spec, Type, n, 5);
    for (const reduction of reductions) {
      for (const options of [{ reduction }, { reduction, weights }]) {
        const expected = loss.valueGradHess(prediction, target, options);
        const place = prediction.slice();
        const got = loss.valueGradHess(place, target, { ...options, out: { grad: place } });
        expect(got.grad).toBe(place);
        expectResults(got, expected, reduction);

        place.set(prediction);
        expectBits(loss.grad(place, target, { ...options, out: { grad: place } }), expected.grad, reduction);
      }
    }
  });

  it.each([N, long])("takes one array for all of prediction, target and weights: %i elements", (n) => {
    // A target is a prediction for every loss here and, made positive, a weight.
    const array = drawData(spec, Type, n, 6).target.map(Math.abs);
    for (const reduction of reductions) {
      const got = loss.valueGradHess(array, array, { reduction, weights: array });
      expectResults(got, loss.valueGradHess(array.slice(), array.slice(), { reduction, weights: array.slice() }));
    }
  });

  it.each([0, N, long])("takes shared, resizable and other realms' memory: %i elements", (n) => {
    const { prediction, target, weights } = drawData(spec, Type, n, 7);
    const kinds: Record<string, (array: Floats) => Floats> = {
      shared: (array) => shared(Type, array),
      resizable: (array) => resizable(Type, array),
      foreign: (array) => runInNewContext(`new ${Type.name}(content)`, { content: Array.from(array) }),
    };
    const [reduction] = reductions.slice(-1);
    const expected = loss.valueGradHess(prediction, target, { reduction, weights });
    for (const [kind, make] of Object.entries(kinds)) {
      const [x, y, w] = [make(prediction), make(target), make(weights)];
      expectResults(loss.valueGradHess(x, y, { reduction, weights: w }), expected, kind);

      const out = { grad: make(new Type(n)), hess: make(new Type(n)) };
      const got = loss.valueGradHess(x, y, { reduction, weights: w, out });
      expect(got.grad).toBe(out.grad);
      expect(got.hess).toBe(out.hess);
      expectResults({ ...got, grad: new Type(got.grad), hess: new Type(got.hess) }, expected, `${kind} out`);
    }
  });

  it("follows the length of a resizable buffer", () => {
    const [x, y] = [resizable(Type, prediction), resizable(Type, target)];
    for (const n of [N, 31, 0, 66]) {
      resize(x, n);
      resize(y, n);
      expectResults(each({ prediction: x, target: y }), each({ prediction: x.slice(), target: y.slice() }));
    }
  });

  it.runIf(Type === Float64Array)("takes plain numbers as Float64Array", () => {
    const [x, y, w] = [data.prediction, data.target, data.weights].map((array) => Array.from(array));
    if (x === undefined || y === undefined || w === undefined) throw new Error("three arrays");
    for (const reduction of reductions) {
      const expected = loss.valueGradHess(prediction, target, { reduction, weights: data.weights });
      expectResults(loss.valueGradHess(x, y, { reduction, weights: w }), expected);
      const out = { grad: new Float64Array(N) };
      expectResults(loss.valueGradHess(x, y, { reduction, weights: w, out }), expected);
      expectBits(out.grad, expected.grad);
    }
  });

  // Node has it from 24 on.
  it.runIf(Type === Float32Array && "Float16Array" in globalThis)("takes Float16Array as Float32Array", () => {
    const Half: Float32ArrayConstructor = Reflect.get(globalThis, "Float16Array");
    const [x, y] = [new Half(prediction), new Half(target)];
    for (const reduction of reductions) {
      const expected = loss.valueGradHess(new Float32Array(x), new Float32Array(y), { reduction });
      expectResults(loss.valueGradHess(x, y, { reduction }), expected);
    }
  });

  it("keeps a NaN in its place", () => {
    const mean = loss.valueGradHess(prediction, target);
    const own = each(data);
    const halves = fill(Type, N, () => 0.5);
    for (let k = 0; k < N; k++) {
      for (const which of ["prediction", "target"] as const) {
        const what = `NaN in ${which} ${k}`;
        const { prediction: x, target: y, [which]: spoilt } = first(data, N);
        spoilt[k] = NaN;
        expect(loss(x, y), what).toBe(NaN);
        expect(loss.total(x, y).sum, what).toBe(NaN);
        // All of a root's derivatives depend on every element.
        if (spec.root || typeof own.value === "number") continue;
        expect(loss(x, y, { reduction: "sum" }), what).toBe(NaN);
        expectResults(each({ prediction: x, target: y }), withNaN(own, k), what);
        expectResults(loss.valueGradHess(x, y), { ...withNaN(mean, k), value: NaN }, what);
        const weighted = loss.valueGradHess(prediction, target, { reduction: "none", weights: halves });
        const got = loss.valueGradHess(x, y, { reduction: "none", weights: halves });
        expectResults(got, withNaN(weighted, k), `${what}, weighted`);
      }
    }
  });

  it("keeps a NaN in its round", () => {
    const { prediction, target } = drawData(spec, Type, long, 8);
    const own = each({ prediction, target });
    for (const k of [0, ROUND - 1, ROUND, long - 1].filter((k) => k < long)) {
      const x = prediction.slice();
      x[k] = NaN;
      expect(loss(x, target)).toBe(NaN);
      if (!spec.root) expectResults(each({ prediction: x, target }), withNaN(own, k), `NaN at ${k}`);
    }
  });
});

function copied({ value, grad, hess }: Results): Results {
  return { value: typeof value === "number" ? value : value.slice(), grad: grad.slice(), hess: hess.slice() };
}

/** The same with NaN in place of the element's own. */
function withNaN(results: Results, k: number): Results {
  const spoilt = copied(results);
  for (const array of [spoilt.value, spoilt.grad, spoilt.hess]) if (typeof array !== "number") array[k] = NaN;
  return spoilt;
}
