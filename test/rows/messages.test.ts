/** A tour of bad input to row losses: every message in full, the right kind of error, and no output touched. */
import { describe, expect, it } from "vitest";
import { expectBits } from "../bits.js";
import { detach, resizable, resize } from "../buffers.js";
import type { Floats } from "../implementations.js";
import { fill } from "../random.js";
import { drawRows, type RowName, rowNames, rowSpecs, rowSuites, rowsOf, typedRowSubjects } from "./implementations.js";
import { arraysOf, expectRows, outOf } from "./results.js";

const ROWS = 4;
const LENGTH = 5;
const N = ROWS * LENGTH;

/** What the two arrays are called, the length of a row, and the options there are besides those of every loss. */
const words: Readonly<Record<RowName, { arrays: readonly [string, string]; length: string; own: readonly string[] }>> =
  {
    softmaxCrossEntropy: {
      arrays: ["logits", "labels"],
      length: "classes",
      own: ["classWeights", "ignoreIndex", "labelSmoothing"],
    },
    klDivergence: { arrays: ["prediction", "target"], length: "classes", own: ["epsilon"] },
    klDivergenceWithLogits: { arrays: ["logits", "target"], length: "classes", own: [] },
    distillation: { arrays: ["logits", "teacherLogits"], length: "classes", own: ["temperature"] },
    gaussianKl: { arrays: ["mean", "logVariance"], length: "latent", own: [] },
  };

const scalars = [
  { what: null, shown: "null" },
  { what: "mean", shown: '"mean"' },
  { what: true, shown: "true" },
  { what: 4n, shown: "4n" },
  { what: Symbol("s"), shown: "a symbol" },
  { what: () => 1, shown: "a function" },
] as const;
const integers = [
  { what: new Int32Array(ROWS), shown: "Int32Array" },
  { what: new Uint8ClampedArray(ROWS), shown: "Uint8ClampedArray" },
  { what: new BigInt64Array(ROWS), shown: "BigInt64Array" },
] as const;
const things = [
  ...scalars,
  { what: 3, shown: "3" },
  { what: undefined, shown: "undefined" },
  { what: {}, shown: "an object" },
  { what: new ArrayBuffer(8), shown: "an object" },
  { what: new DataView(new ArrayBuffer(8)), shown: "an object" },
  // What only claims to be one.
  { what: { length: N, [Symbol.toStringTag]: "Float64Array" }, shown: "an object" },
] as const;

describe.each(typedRowSubjects)("$title", (subject) => {
  const { name, spec, targets, loss, Type } = subject;
  const {
    arrays: [xName, yName],
    length: lengthName,
    own,
  } = words[name];
  const batch = drawRows(subject, Type, ROWS, LENGTH);
  const { prediction, target, weights, classWeights } = batch;
  const Other = Type === Float32Array ? Float64Array : Float32Array;
  const methods = [loss, loss.grad, loss.valueAndGrad, loss.valueGradHess, loss.total];
  const labelled = targets === "indices";
  /** A number per row, or as many as the predictions. */
  const perRow = `${ROWS} elements (one per row)`;
  const yLike = labelled ? perRow : `${N} elements like ${xName}`;
  const derivatives = spec.both ? ["grad.mean", "grad.logVariance", "hess.mean", "hess.logVariance"] : ["grad", "hess"];

  /** Of what is neither labels nor soft targets: either may have been meant. */
  const noTarget = (shown: string): string =>
    `${name}: ${yName} must be class indices in an integer typed array, or soft targets in a ${Type.name} like ${xName}, got ${shown}`;

  /** Every method refuses the arguments with that very message, and leaves the outputs as they are. */
  function refuses(x: unknown, y: unknown, options: unknown, kind: ErrorConstructor, message: string): void {
    const plain = options === undefined || Object.prototype.toString.call(options) === "[object Object]";
    const given: Readonly<Record<string, unknown>> = { ...batch.options, ...Object(options) };
    const bare = plain && !("out" in given);
    const length = Reflect.get(Object(x), "length");
    const shape = { rows: ROWS, length: (typeof length === "number" ? length : N) / ROWS };
    const sevens = (n: number) => fill(Type, n, () => 7);
    for (const reduction of bare && !("reduction" in given) ? (["mean", "none"] as const) : ["mean"]) {
      const out = outOf(subject, shape, reduction, sevens);
      const untouched = outOf(subject, shape, reduction, sevens);
      const all = plain ? (bare ? { reduction, ...given, out } : given) : options;
      for (const method of methods) {
        const thrown = thrownBy(() => Reflect.apply(method, undefined, [x, y, all]));
        expect(thrown).toHaveProperty("message", message);
        expect(thrown).toBeInstanceOf(kind);
        expectRows(out, untouched, message);
      }
    }
  }

  /** `out` with one buffer, by its full name. */
  function outWith(path: string, array: unknown): Readonly<Record<string, unknown>> {
    const [first = "", second] = path.split(".");
    return { [first]: second === undefined ? array : { [second]: array } };
  }

  describe("arrays", () => {
    it.each([...things, ...integers])("are no $shown", ({ what, shown }) => {
      const required = "must be a Float32Array, a Float64Array or an array of numbers";
      refuses(what, target, {}, TypeError, `${name}: ${xName} ${required}, got ${shown}`);
      const message = spec.labels ? noTarget(shown) : `${name}: ${yName} ${required}, got ${shown}`;
      if (!spec.labels || !shown.endsWith("Array")) refuses(prediction, what, {}, TypeError, message);
      if (what === undefined) return;
      refuses(prediction, target, { weights: what }, TypeError, `${name}: weights ${required}, got ${shown}`);
      if (spec.labels) {
        refuses(
          prediction,
          target,
          { classWeights: what },
          TypeError,
          `${name}: classWeights ${required}, got ${shown}`,
        );
      }
      for (const path of derivatives) {
        const message = `${name}: out.${path} must be a ${Type.name}, got ${shown}`;
        refuses(prediction, target, { out: outWith(path, what) }, TypeError, message);
      }
      const value = `${name}: out.value must be a ${Type.name}, got ${shown}`;
      refuses(prediction, target, { reduction: "none", out: { value: what } }, TypeError, value);
    });

    it("are not missing", () => {
      const required = "must be a Float32Array, a Float64Array or an array of numbers, got undefined";
      refuses(undefined, undefined, undefined, TypeError, `${name}: ${xName} ${required}`);
    });

    it("are of one type", () => {
      const like = `must be a ${Type.name} like ${xName}, got ${Other.name}`;
      const other = spec.labels ? noTarget(Other.name) : `${name}: ${yName} ${like}`;
      refuses(prediction, new Other(N), {}, TypeError, other);
      refuses(prediction, target, { weights: new Other(weights) }, TypeError, `${name}: weights ${like}`);
      for (const path of derivatives) {
        const message = `${name}: out.${path} must be a ${Type.name}, got ${Other.name}`;
        refuses(prediction, target, { out: outWith(path, new Other(N)) }, TypeError, message);
      }
      const value = `${name}: out.value must be a ${Type.name}, got ${Other.name}`;
      refuses(prediction, target, { reduction: "none", out: { value: new Other(ROWS) } }, TypeError, value);
      if (Type === Float64Array) return;
      const plain = `${name}: ${yName} must be a Float32Array like ${xName}, got an array`;
      for (const n of [N, ROWS]) {
        refuses(prediction, Array(n).fill(1), {}, TypeError, spec.labels ? noTarget("an array") : plain);
      }
    });

    it("hold numbers only", () => {
      const numbers: unknown[] = Array.from(prediction);
      const [texts, holes] = [[...numbers], [...numbers]];
      texts[3] = "4";
      delete holes[1];
      const y = labelled ? target : Array.from(target);
      refuses(texts, y, {}, TypeError, `${name}: ${xName} must hold numbers, got "4" at 3`);
      refuses(holes, y, {}, TypeError, `${name}: ${xName} must hold numbers, got undefined at 1`);
      if (!labelled) refuses(numbers, texts, {}, TypeError, `${name}: ${yName} must hold numbers, got "4" at 3`);
      const nulls = `must hold numbers, got null at 2`;
      refuses(prediction, target, { weights: [1, 2, null, 4] }, TypeError, `${name}: weights ${nulls}`);
      if (!spec.labels) return;
      refuses(prediction, target, { classWeights: [1, 2, null, 4, 5] }, TypeError, `${name}: classWeights ${nulls}`);
    });

    it("have as many elements as there are rows or as the predictions have", () => {
      const got = (of: string, wanted: string, n: number) => `${name}: ${of} must have ${wanted}, got ${n}`;
      for (const n of [0, target.length - 1, target.length + 1, 2 * N]) {
        const other = labelled ? new Int32Array(n) : new Type(n);
        refuses(prediction, other, {}, RangeError, got(yName, yLike, n));
      }
      for (const n of [0, ROWS - 1, ROWS + 1, N]) {
        refuses(prediction, target, { weights: new Type(n) }, RangeError, got("weights", perRow, n));
        const value = { reduction: "none", out: { value: new Type(n) } };
        refuses(prediction, target, value, RangeError, got("out.value", perRow, n));
      }
      refuses(prediction, target, { weights: [1] }, RangeError, got("weights", perRow, 1));
      for (const n of [0, ROWS, N - 1, N + 1]) {
        for (const path of derivatives) {
          const message = got(`out.${path}`, `${N} elements like ${xName}`, n);
          refuses(prediction, target, { out: outWith(path, new Type(n)) }, RangeError, message);
        }
      }
      if (!spec.labels) return;
      for (const n of [0, LENGTH - 1, LENGTH + 1, N]) {
        const message = got("classWeights", `${LENGTH} elements (one per class)`, n);
        refuses(prediction, target, { classWeights: new Type(n) }, RangeError, message);
      }
      refuses(
        prediction.subarray(0, 1),
        target.subarray(0, 1),
        { classes: 1, classWeights: [1, 2] },
        RangeError,
        got("classWeights", "1 element (one per class)", 2),
      );
    });

    it("are as long as their rows together", () => {
      const multiple = (n: number, got: number) =>
        `${name}: ${xName} must have a multiple of ${n} elements (${lengthName}), got ${got}`;
      refuses(prediction, target, { [lengthName]: 6 }, RangeError, multiple(6, N));
      refuses(prediction, target, { [lengthName]: N + 1 }, RangeError, multiple(N + 1, N));
      refuses(prediction.subarray(1), target, {}, RangeError, multiple(LENGTH, N - 1));
      if (!labelled) return;
      for (const [n, rows] of [
        [N, 3],
        [N, 0],
        [N, N + 1],
        [0, ROWS],
      ] as const) {
        const message = `${name}: ${xName} must have as many rows as there are labels (${rows}), got ${n} elements`;
        refuses(prediction.subarray(0, n), new Int32Array(rows), { classes: undefined }, RangeError, message);
      }
    });

    const lose: readonly ((array: Floats) => Floats)[] = [
      (array) => {
        const lost = array.slice();
        detach(lost);
        return lost;
      },
      (array) => {
        const whole = resizable(Type, array);
        const part = whole.subarray(0, 3);
        resize(whole, 2);
        return part;
      },
    ];
    it
      .runIf(labelled)
      .each([
        Int32Array,
        Uint32Array,
        Int16Array,
        Uint16Array,
        Int8Array,
        Uint8Array,
        Uint8ClampedArray,
        BigInt64Array,
        BigUint64Array,
      ])("that hold labels have not lost their memory: %o", (Integers) => {
      const labels = new Integers(ROWS);
      structuredClone(labels.buffer, { transfer: [labels.buffer] });
      refuses(prediction, labels, {}, TypeError, `${name}: ${yName} has a detached buffer`);
      refuses(new Type(0), labels, {}, TypeError, `${name}: ${yName} has a detached buffer`);
    });

    it.each(lose)("have not lost their memory %#", (lost) => {
      const detached = (of: string) => `${name}: ${of} has a detached buffer`;
      refuses(lost(prediction), target, {}, TypeError, detached(xName));
      refuses(lost(prediction), lost(prediction), {}, TypeError, detached(xName));
      refuses(prediction, lost(prediction), {}, TypeError, detached(yName));
      refuses(new Type(0), lost(prediction), {}, TypeError, detached(yName));
      refuses(prediction, target, { weights: lost(weights) }, TypeError, detached("weights"));
      for (const path of derivatives) {
        refuses(prediction, target, { out: outWith(path, lost(prediction)) }, TypeError, detached(`out.${path}`));
      }
      const value = { reduction: "none", out: { value: lost(weights) } };
      refuses(prediction, target, value, TypeError, detached("out.value"));
      if (spec.labels)
        refuses(prediction, target, { classWeights: lost(classWeights) }, TypeError, detached("classWeights"));
    });
  });

  describe("options", () => {
    it.each([...scalars, ...integers, { what: 3, shown: "3" }, { what: [], shown: "an array" }])(
      "and out are no $shown",
      ({ what, shown }) => {
        refuses(prediction, target, what, TypeError, `${name}: options must be an object, got ${shown}`);
        refuses(prediction, target, { out: what }, TypeError, `${name}: out must be an object, got ${shown}`);
        if (!spec.both) return;
        for (const of of ["grad", "hess"]) {
          const message = `${name}: out.${of} must be an object { mean, logVariance }, got ${shown}`;
          refuses(prediction, target, { out: { [of]: what } }, TypeError, message);
        }
      },
    );

    it.runIf(spec.both)("have an object of two buffers for derivatives by two arrays", () => {
      const message = (of: string) => `${name}: out.${of} must be an object { mean, logVariance }, got ${Type.name}`;
      refuses(prediction, target, { out: { grad: new Type(N) } }, TypeError, message("grad"));
      refuses(prediction, target, { out: { hess: new Type(N) } }, TypeError, message("hess"));
    });

    it("are known, and a message says which there are", () => {
      const known = [lengthName, ...own, "reduction", "weights", "out"].join(", ");
      const others = ["classes", "latent", "classWeights", "ignoreIndex", "labelSmoothing", "epsilon", "temperature"];
      const foreign = others.filter((option) => option !== lengthName && !own.includes(option));
      for (const typo of [...foreign, "class", "weight", "Reduction", "", "toString"]) {
        const message = `${name}: unknown option ${JSON.stringify(typo)}; the options are ${known}`;
        refuses(prediction, target, { [typo]: 1 }, TypeError, message);
        refuses(prediction, target, { [typo]: undefined }, TypeError, message);
      }
    });

    it("have known outputs", () => {
      const message = `${name}: unknown output "gradient" in out; the outputs are value, grad, hess`;
      refuses(prediction, target, { out: { gradient: new Type(N) } }, TypeError, message);
      if (!spec.both) return;
      for (const of of ["grad", "hess"]) {
        const message = `${name}: unknown output "variance" in out.${of}; the outputs are mean, logVariance`;
        refuses(prediction, target, { out: { [of]: { variance: new Type(N) } } }, TypeError, message);
      }
    });

    it("have a known reduction", () => {
      const message = (shown: string) => `${name}: reduction must be "mean", "sum" or "none", got ${shown}`;
      refuses(prediction, target, { reduction: "batchmean" }, RangeError, message('"batchmean"'));
      refuses(prediction, target, { reduction: "" }, RangeError, message('""'));
      refuses(prediction, target, { reduction: null }, TypeError, message("null"));
      refuses(prediction, target, { reduction: 0 }, TypeError, message("0"));
    });

    it("have no out.value for a value that is a number", () => {
      const message = `${name}: out.value must be left out where the value is a number, got ${Type.name}`;
      refuses(prediction, target, { out: { value: new Type(ROWS) } }, TypeError, message);
      refuses(prediction, target, { reduction: "sum", out: { value: new Type(ROWS) } }, TypeError, message);
    });

    it.each([0, -1, -LENGTH, 2.5, NaN, Infinity, -Infinity])(`have rows that are not %d long`, (length) => {
      const message = `${name}: ${lengthName} must be a whole number of at least 1, got ${length}`;
      refuses(prediction, target, { [lengthName]: length }, RangeError, message);
    });

    it.each([...scalars, { what: new Int32Array(1), shown: "Int32Array" }, { what: [5], shown: "an array" }])(
      "have rows whose length is no $shown",
      ({ what, shown }) => {
        const message = `${name}: ${lengthName} must be a number, got ${shown}`;
        refuses(prediction, target, { [lengthName]: what }, TypeError, message);
      },
    );

    it.skipIf(labelled)("say how long a row is", () => {
      const how = spec.labels
        ? "classes must be given with soft targets; class indices come in an integer typed array, such as Int32Array"
        : `${lengthName} must be given, the length of a row`;
      refuses(prediction, target, { [lengthName]: undefined }, TypeError, `${name}: ${how}`);
      for (const method of methods) {
        const thrown = thrownBy(() => Reflect.apply(method, undefined, [prediction, target]));
        expect(thrown).toEqual(new TypeError(`${name}: ${how}`));
      }
    });
  });

  describe.runIf(spec.labels)("class weights and the ignored label", () => {
    it.each([-1, -(2 ** -100), NaN, Infinity, -Infinity])("are not %d", (bad) => {
      for (const at of [0, LENGTH - 1]) {
        const found = classWeights.slice();
        found[at] = bad;
        const message = `${name}: classWeights must be finite and at least 0, got ${bad} at ${at}`;
        refuses(prediction, target, { classWeights: found }, RangeError, message);
        refuses(prediction, target, { classWeights: Array.from(found) }, RangeError, message);
      }
    });

    it.runIf(Type === Float32Array)("are finite in the predictions' type", () => {
      const message = `${name}: classWeights must be finite and at least 0, got Infinity at 1`;
      refuses(prediction, target, { classWeights: [1, 1e39, 1, 1, 1] }, RangeError, message);
    });

    it.each([2.5, NaN, Infinity, -Infinity])("is not %d", (ignoreIndex) => {
      const message = `${name}: ignoreIndex must be a whole number, got ${ignoreIndex}`;
      refuses(prediction, target, { ignoreIndex }, RangeError, message);
    });

    it.each([...scalars, { what: [0], shown: "an array" }, { what: {}, shown: "an object" }])(
      "is no $shown",
      ({ what, shown }) => {
        const message = `${name}: ignoreIndex must be a number, got ${shown}`;
        refuses(prediction, target, { ignoreIndex: what }, TypeError, message);
      },
    );

    it.skipIf(labelled)("does not go with soft targets", () => {
      const message = `${name}: ignoreIndex goes with class indices in an integer typed array, got soft targets`;
      refuses(prediction, target, { ignoreIndex: 0 }, TypeError, message);
      refuses(prediction, target, { ignoreIndex: -100 }, TypeError, message);
    });
  });

  it("takes no output that overlaps another array, but a gradient in the place of what it is by", () => {
    // One memory with a place for each array, and as much room on either side.
    const bytes = N * Type.BYTES_PER_ELEMENT;
    const memory = new ArrayBuffer(20 * bytes);
    const place = (at: number, n: number, shift = 0) =>
      new Type(memory, at * bytes + shift * Type.BYTES_PER_ELEMENT, n);
    const x = place(2, N);
    x.set(prediction);
    const y = labelled ? new Int32Array(memory, 5 * bytes, ROWS) : place(5, N);
    y.set(target);
    const w = place(8, ROWS);
    w.set(weights);
    const c = place(11, LENGTH);
    c.set(classWeights);
    const inputs = [
      { of: xName, at: 2, taken: N },
      { of: yName, at: 5, taken: labelled ? (ROWS * 4) / Type.BYTES_PER_ELEMENT : N },
      { of: "weights", at: 8, taken: ROWS },
      ...(spec.labels ? [{ of: "classWeights", at: 11, taken: LENGTH }] : []),
    ];
    const before = new Uint8Array(memory).slice();
    const options = { reduction: "none", weights: w, ...(spec.labels ? { classWeights: c } : {}) };
    const outputs = ["value", ...derivatives];
    const refusesOut = (out: object, message: string) =>
      refuses(x, y, { ...options, out }, RangeError, `${name}: ${message}`);

    outputs.forEach((path, k) => {
      const n = path === "value" ? ROWS : N;
      for (const { of, at, taken } of inputs) {
        refusesOut(outWith(path, place(at, n, 1 - n)), `out.${path} must not overlap ${of}`);
        refusesOut(outWith(path, place(at, n, taken - 1)), `out.${path} must not overlap ${of}`);
        const own = { grad: xName, "grad.mean": xName, "grad.logVariance": yName };
        if (of !== Reflect.get(own, path))
          refusesOut(outWith(path, place(at, n)), `out.${path} must not overlap ${of}`);
      }
      outputs.slice(0, k).forEach((earlier) => {
        const m = earlier === "value" ? ROWS : N;
        const out = merged(outWith(earlier, place(15, m)), outWith(path, place(15, n, m - 1)));
        refusesOut(out, `out.${path} must not overlap out.${earlier}`);
      });
    });
    expect(new Uint8Array(memory)).toEqual(before);
  });

  // What is copied to another type stands where the caller left it all the same.
  it.runIf(spec.labels)("takes no output that overlaps what is read in another type", () => {
    const memory = new ArrayBuffer(N * 8);
    const grad = new Type(memory, 0, N);
    const weighing = new Other(memory, 0, LENGTH).fill(1);
    const refused = (of: string) => `${name}: out.grad must not overlap ${of}`;
    refuses(prediction, target, { classWeights: weighing, out: { grad } }, RangeError, refused("classWeights"));
    const labels = new BigInt64Array(memory, 0, ROWS).fill(1n);
    if (labelled) refuses(prediction, labels, { out: { grad } }, RangeError, refused("labels"));
    expect([...labels]).toEqual([1n, 1n, 1n, 1n]);
  });

  it.skipIf(labelled)("takes no gradient in the place of one array that is both", () => {
    const both = prediction.map(Math.abs);
    const grad = spec.both ? { mean: both } : both;
    const [of, taken] = spec.both ? ["out.grad.mean", yName] : ["out.grad", yName];
    refuses(both, both, { out: { grad } }, RangeError, `${name}: ${of} must not overlap ${taken}`);
    if (!spec.both) return;
    const message = `${name}: out.grad.logVariance must not overlap ${xName}`;
    refuses(both, both, { out: { grad: { logVariance: both } } }, RangeError, message);
  });

  /** Many short rows and a few long ones: more of them than any staging memory holds at a time. */
  describe.each([
    { rows: ROWS, length: LENGTH },
    { rows: 12_001, length: LENGTH },
    { rows: 3, length: 40_001 },
  ])("$rows rows of $length", ({ rows, length }) => {
    const whole = drawRows(subject, Type, rows, length, 2);
    const long = rows * length > N;
    const places = [0, 1, Math.floor(rows / 2), rows - 2, rows - 1];

    it.runIf(labelled)("have labels that are classes", () => {
      for (const row of places) {
        for (const bad of long ? [length, -1] : [length, -1, -100, 255, 2 ** 31 - 1, -(2 ** 31)]) {
          const labels = Int32Array.from(whole.target);
          labels[row] = bad;
          // A second offender behind it is not the one to be named.
          if (row + 1 < rows) labels[row + 1] = length + 7;
          const message = `${name}: label ${bad} at row ${row} is not in 0…${length - 1}`;
          refusesRows(whole.prediction, labels, {}, message);
          refusesRows(whole.prediction, labels, { ignoreIndex: bad - 1, classes: undefined }, message);
        }
      }
    });

    it("have probabilities of at least 0", () => {
      const least = Type === Float32Array ? 2 ** -149 : 2 ** -1074;
      for (const [which, title] of [
        ["prediction", spec.predictions && "prediction"],
        ["target", !labelled && spec.targets && "target"],
      ] as const) {
        if (!title) continue;
        for (const at of [0, 1, length - 1, rows * length - 2, rows * length - 1]) {
          for (const bad of long ? [-least] : [-1, -least, -Infinity]) {
            const array = whole[which].slice();
            array[at] = bad;
            if (at + 1 < array.length) array[at + 1] = -3;
            const arrays = { prediction: whole.prediction, target: whole.target, [which]: array };
            const message = `${name}: ${title} ${bad} at ${at} is less than 0`;
            refusesRows(arrays.prediction, arrays.target, {}, message);
          }
        }
      }
    });

    it("have weights that are finite and at least 0", () => {
      for (const row of places) {
        for (const bad of long ? [-1, NaN] : [-1, -(2 ** -100), NaN, Infinity, -Infinity]) {
          const weights = whole.weights.slice();
          weights[row] = bad;
          if (row + 1 < rows) weights[row + 1] = -3;
          const message = `${name}: weights must be finite and at least 0, got ${bad} at ${row}`;
          refusesRows(whole.prediction, whole.target, { weights }, message);
        }
      }
    });

    it("leave arrays alone whose place the gradient was to take", () => {
      const [x, y] = [whole.prediction.slice(), whole.target.slice()];
      const weights = whole.weights.slice();
      weights[rows - 1] = -1;
      const grad = spec.both ? { mean: x, logVariance: y } : x;
      const options = { ...whole.options, weights, out: { grad } };
      for (const method of [loss.grad, loss.valueAndGrad, loss.valueGradHess]) {
        const thrown = thrownBy(() => Reflect.apply(method, undefined, [x, y, options]));
        const message = `${name}: weights must be finite and at least 0, got -1 at ${rows - 1}`;
        expect(thrown).toEqual(new RangeError(message));
        expectBits(x, whole.prediction, "prediction");
        if (!(y instanceof Int32Array) && !(whole.target instanceof Int32Array)) expectBits(y, whole.target, "target");
      }
    });

    function refusesRows(x: Floats, y: Floats | Int32Array, options: object, message: string): void {
      for (const reduction of ["mean", "none"]) {
        const sevens = outOf(subject, whole, reduction, (n) => fill(Type, n, () => 7));
        const given = { ...whole.options, reduction, ...options, out: sevens };
        for (const method of methods) {
          const thrown = thrownBy(() => Reflect.apply(method, undefined, [x, y, given]));
          expect(thrown).toEqual(new RangeError(message));
        }
        expect(arraysOf(sevens).every((array) => array.every((number) => number === 7))).toBe(true);
      }
    }
  });

  it("works as before after an error", () => {
    const expected = loss.valueGradHess(prediction, target, batch.options);
    thrownBy(() => loss(prediction, target, { ...batch.options, weights: new Type(1) }));
    thrownBy(() => loss(prediction, target, { ...batch.options, weights: fill(Type, ROWS, () => -1) }));
    thrownBy(() => loss(prediction, target, { ...batch.options, reduction: "none", out: { value: new Type(1) } }));
    expectRows(loss.valueGradHess(prediction, target, batch.options), expected);
  });

  it.each([null, 3, {}, { sum: 1 }, { sum: "1", weight: 1 }])("takes no %o for a total", (total) => {
    const shown = typeof total === "object" && total !== null ? "an object" : `${total}`;
    expect(thrownBy(() => Reflect.apply(loss.fromTotal, undefined, [total]))).toEqual(
      new TypeError(`${name}: a total must be { sum, weight }, both numbers, got ${shown}`),
    );
  });

  it.runIf(Type === Float64Array)("takes no weights whose sum is infinite", () => {
    const huge = fill(Type, ROWS, () => 1.7e308);
    const message = `${name}: weights must have a finite sum, got Infinity`;
    refuses(prediction, target, { weights: huge }, RangeError, message);
    if (!spec.labels) return;
    const times = `${name}: weights times class weights must have a finite sum, got Infinity`;
    refuses(prediction, target, { classWeights: Array(LENGTH).fill(1.7e308) }, RangeError, times);
    refuses(prediction, target, { weights: huge, classWeights }, RangeError, times);
  });
});

/** Of each parameter what it must be, in words, and numbers just outside of that and far outside. */
const parameters: readonly { name: RowName; parameter: string; range: string; outside: readonly number[] }[] = [
  {
    name: "softmaxCrossEntropy",
    parameter: "labelSmoothing",
    range: "in [0, 1]",
    outside: [-(2 ** -1074), 1 + 2 ** -52],
  },
  { name: "klDivergence", parameter: "epsilon", range: "at least 0 and less than 1", outside: [-(2 ** -1074), 1] },
  { name: "distillation", parameter: "temperature", range: "finite and greater than 0", outside: [0, -0] },
];

it("every parameter has a range", () => {
  const stated = rowNames.flatMap((name) =>
    Object.keys(rowSpecs[name].parameters).map((parameter) => [name, parameter]),
  );
  expect(parameters.map(({ name, parameter }) => [name, parameter])).toEqual(stated);
});

describe.each(rowSuites)("$title", ({ losses, Type }) => {
  describe.each(parameters)("$name $parameter", ({ name, parameter, range, outside }) => {
    const kind = { name, spec: rowSpecs[name], targets: "floats" } as const;
    const { prediction, target, options } = drawRows(kind, Type, ROWS, LENGTH);
    const loss = rowsOf(losses)[name];

    it.each([...outside, -1, Infinity, -Infinity, NaN])("is not %d", (value) => {
      expect(thrownBy(() => loss(prediction, target, { ...options, [parameter]: value }))).toEqual(
        new RangeError(`${name}: ${parameter} must be ${range}, got ${value}`),
      );
    });

    it.each([...scalars, { what: {}, shown: "an object" }])("is not $shown", ({ what, shown }) => {
      expect(thrownBy(() => loss(prediction, target, { ...options, [parameter]: what }))).toEqual(
        new TypeError(`${name}: ${parameter} must be a number, got ${shown}`),
      );
    });
  });
});

/** Two options of `out` in one. */
function merged(
  first: Readonly<Record<string, unknown>>,
  second: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const both = Object.keys(first).filter((name) => name in second);
  return {
    ...first,
    ...second,
    ...Object.fromEntries(both.map((name) => [name, { ...Object(first[name]), ...Object(second[name]) }])),
  };
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}
