/** A tour of bad input: every message in full, the right kind of error, and no output touched. */
import { describe, expect, it } from "vitest";
import { ROUND } from "../assembly/want.js";
import { mergeTotals } from "../src/index.js";
import type { Parameter, Spec } from "../src/spec.js";
import { expectBits } from "./bits.js";
import { detach, resizable, resize } from "./buffers.js";
import type { Floats, FloatsConstructor, Name } from "./implementations.js";
import { rulesOf, subjects, types } from "./implementations.js";
import { drawData, fill } from "./random.js";

const N = 5;

/** What each parameter must be, in words. */
const ranges: Readonly<Record<Name, Readonly<Record<string, string>>>> = {
  mae: {},
  mse: {},
  rmse: {},
  huber: { delta: "greater than 0" },
  logCosh: {},
  charbonnier: { epsilon: "finite and greater than 0" },
  bce: { epsilon: "at least 0 and less than 0.5" },
  bceWithLogits: { posWeight: "finite and greater than 0", labelSmoothing: "in [0, 1]" },
  focal: { alpha: "in [0, 1]", gamma: "finite and at least 0", epsilon: "at least 0 and less than 0.5" },
  focalWithLogits: { alpha: "in [0, 1]", gamma: "finite and at least 0" },
};

/** Numbers just outside the range, and far outside. */
function outside({ above, from, below, to }: Parameter): readonly number[] {
  const under =
    above !== undefined ? [above, above - 1] : from !== undefined ? [from - 1, from - 2 ** -1074 - 2 ** -52] : [];
  const over =
    below !== undefined ? [below, below + 1] : to === undefined || to < Infinity ? [(to ?? Infinity) + 2 ** -40] : [];
  return [...under, ...over, -Infinity, NaN, ...(to === Infinity ? [] : [Infinity])];
}

const objects = [
  { what: null, shown: "null" },
  { what: 3, shown: "3" },
  { what: "mean", shown: '"mean"' },
  { what: true, shown: "true" },
  { what: 4n, shown: "4n" },
  { what: Symbol("s"), shown: "a symbol" },
  { what: () => 1, shown: "a function" },
] as const;
const things = [
  ...objects,
  { what: {}, shown: "an object" },
  { what: new ArrayBuffer(8), shown: "an object" },
] as const;
const arrays = [
  { what: new Int32Array(N), shown: "Int32Array" },
  { what: new Uint8ClampedArray(N), shown: "Uint8ClampedArray" },
  { what: new BigInt64Array(N), shown: "BigInt64Array" },
  { what: new DataView(new ArrayBuffer(8)), shown: "an object" },
  // What only claims to be one.
  { what: { length: N, [Symbol.toStringTag]: "Float64Array" }, shown: "an object" },
] as const;

const cases = subjects.flatMap((subject) =>
  types.map((Type) => ({ ...subject, Type, title: `${subject.title} ${Type.name}` })),
);

describe.each(cases)("$title", ({ loss, spec, Type, long }) => {
  const { name } = spec;
  const { prediction, target, weights } = drawData(spec, Type, N);
  const Other = Type === Float32Array ? Float64Array : Float32Array;
  const methods = [loss, loss.grad, loss.valueAndGrad, loss.valueGradHess, loss.total];

  /** Every method refuses the arguments with that very message, and leaves the outputs as they are. */
  function refuses(x: unknown, y: unknown, options: unknown, kind: ErrorConstructor, message: string): void {
    const length = Reflect.get(Object(x), "length");
    const untouched = fill(Type, typeof length === "number" ? length : N, () => 7);
    const out = { grad: untouched.slice(), hess: untouched.slice() };
    const hasOut = typeof options === "object" && options !== null && "out" in options;
    const isPlain = options === undefined || Object.prototype.toString.call(options) === "[object Object]";
    const given = isPlain && !hasOut ? { ...Object(options), out } : options;
    for (const method of methods) {
      const thrown = thrownBy(() => Reflect.apply(method, undefined, [x, y, given]));
      expect(thrown).toBeInstanceOf(kind);
      expect(thrown).toHaveProperty("message", message);
      expectBits(out.grad, untouched, "out.grad");
      expectBits(out.hess, untouched, "out.hess");
    }
  }

  it.each([...things, ...arrays])("takes no $shown for an array", ({ what, shown }) => {
    const required = "a Float32Array, a Float64Array or an array of numbers";
    refuses(what, target, {}, TypeError, `${name}: prediction must be ${required}, got ${shown}`);
    refuses(prediction, what, {}, TypeError, `${name}: target must be ${required}, got ${shown}`);
    refuses(prediction, target, { weights: what }, TypeError, `${name}: weights must be ${required}, got ${shown}`);
    const out = `must be a ${Type.name}, got ${shown}`;
    refuses(prediction, target, { out: { grad: what } }, TypeError, `${name}: out.grad ${out}`);
    refuses(prediction, target, { out: { hess: what } }, TypeError, `${name}: out.hess ${out}`);
  });

  it("takes no missing array", () => {
    const required = "a Float32Array, a Float64Array or an array of numbers";
    refuses(undefined, undefined, undefined, TypeError, `${name}: prediction must be ${required}, got undefined`);
    refuses(prediction, undefined, undefined, TypeError, `${name}: target must be ${required}, got undefined`);
  });

  it("takes no mixed types", () => {
    const like = `must be a ${Type.name} like prediction, got ${Other.name}`;
    refuses(prediction, new Other(target), {}, TypeError, `${name}: target ${like}`);
    refuses(prediction, target, { weights: new Other(weights) }, TypeError, `${name}: weights ${like}`);
    const out = `must be a ${Type.name}, got ${Other.name}`;
    refuses(prediction, target, { out: { grad: new Other(N) } }, TypeError, `${name}: out.grad ${out}`);
    if (Type === Float64Array) return;
    refuses(
      prediction,
      Array.from(target),
      {},
      TypeError,
      `${name}: target must be a Float32Array like prediction, got an array`,
    );
  });

  it("takes no array of anything but numbers", () => {
    const plain = [Array.from(prediction), Array.from(target)] as const;
    const [x, y] = plain.map((numbers) => [...numbers.slice(0, 3), "4", 5]);
    refuses(x, plain[1], {}, TypeError, `${name}: prediction must hold numbers, got "4" at 3`);
    refuses(plain[0], y, {}, TypeError, `${name}: target must hold numbers, got "4" at 3`);
    refuses(
      prediction,
      target,
      { weights: [1, 2, null, 4, 5] },
      TypeError,
      `${name}: weights must hold numbers, got null at 2`,
    );
    // A hole.
    const holey = Array.from(prediction);
    delete holey[1];
    refuses(holey, plain[1], {}, TypeError, `${name}: prediction must hold numbers, got undefined at 1`);
  });

  it("takes no array of another length", () => {
    const like = (of: string, got: number) => `${name}: ${of} must have 5 elements like prediction, got ${got}`;
    refuses(prediction, target.subarray(1), {}, RangeError, like("target", 4));
    refuses(prediction, new Type(6), {}, RangeError, like("target", 6));
    refuses(prediction, new Type(0), {}, RangeError, like("target", 0));
    refuses(prediction, target, { weights: new Type(4) }, RangeError, like("weights", 4));
    refuses(prediction, target, { weights: [] }, RangeError, like("weights", 0));
    refuses(prediction, target, { out: { grad: new Type(6) } }, RangeError, like("out.grad", 6));
    refuses(prediction, target, { out: { hess: new Type(0) } }, RangeError, like("out.hess", 0));
    refuses(
      prediction.subarray(4),
      target,
      {},
      RangeError,
      `${name}: target must have 1 element like prediction, got 5`,
    );
    refuses(new Type(0), target, {}, RangeError, `${name}: target must have 0 elements like prediction, got 5`);
  });

  it("takes no array that has lost its memory", () => {
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
    for (const lost of lose) {
      const detached = (of: string) => `${name}: ${of} has a detached buffer`;
      refuses(lost(prediction), target, {}, TypeError, detached("prediction"));
      refuses(lost(prediction), lost(target), {}, TypeError, detached("prediction"));
      refuses(prediction, lost(target), {}, TypeError, detached("target"));
      refuses(new Type(0), lost(target), {}, TypeError, detached("target"));
      refuses(prediction, target, { weights: lost(weights) }, TypeError, detached("weights"));
      refuses(prediction, target, { out: { grad: lost(prediction) } }, TypeError, detached("out.grad"));
      refuses(prediction, target, { out: { hess: lost(prediction) } }, TypeError, detached("out.hess"));
    }
  });

  it.each([...objects, ...arrays.slice(0, 3), { what: [], shown: "an array" }])(
    "takes no $shown for options or out",
    ({ what, shown }) => {
      refuses(prediction, target, what, TypeError, `${name}: options must be an object, got ${shown}`);
      refuses(prediction, target, { out: what }, TypeError, `${name}: out must be an object, got ${shown}`);
    },
  );

  it("takes no unknown option, and says which there are", () => {
    const known = [...Object.keys(spec.parameters), "reduction", "weights", "out"].join(", ");
    for (const typo of ["weight", "Reduction", "mean", "", "toString"]) {
      const message = `${name}: unknown option ${JSON.stringify(typo)}; the options are ${known}`;
      refuses(prediction, target, { [typo]: 1 }, TypeError, message);
      refuses(prediction, target, { [typo]: undefined }, TypeError, message);
    }
  });

  it("takes no unknown output", () => {
    const message = `${name}: unknown output "gradient" in out; the outputs are value, grad, hess`;
    refuses(prediction, target, { out: { gradient: new Type(N) } }, TypeError, message);
  });

  it("takes no unknown reduction", () => {
    const choice = spec.root ? '"mean"' : '"mean", "sum" or "none"';
    const message = (shown: string) => `${name}: reduction must be ${choice}, got ${shown}`;
    refuses(prediction, target, { reduction: "Mean" }, RangeError, message('"Mean"'));
    refuses(prediction, target, { reduction: "" }, RangeError, message('""'));
    refuses(prediction, target, { reduction: null }, TypeError, message("null"));
    refuses(prediction, target, { reduction: 0 }, TypeError, message("0"));
    if (!spec.root) return;
    refuses(prediction, target, { reduction: "sum" }, RangeError, message('"sum"'));
    refuses(prediction, target, { reduction: "none" }, RangeError, message('"none"'));
  });

  it("takes no out.value for a value that is a number", () => {
    const message = `${name}: out.value must be left out where the value is a number, got ${Type.name}`;
    refuses(prediction, target, { out: { value: new Type(N) } }, TypeError, message);
    if (spec.root) return;
    refuses(prediction, target, { reduction: "sum", out: { value: new Type(N) } }, TypeError, message);
  });

  it("takes no output that overlaps another array, but the gradient in the prediction's place", () => {
    const memory = drawData(spec, Type, 4 * N).target.map(Math.abs);
    const at = (from: number) => memory.subarray(from, from + N);
    const overlaps = (of: string, other: string) => `${name}: out.${of} must not overlap ${other}`;
    const [x, y, w] = [at(0), at(N), at(2 * N)];
    for (const of of ["grad", "hess"]) {
      refuses(x, y, { out: { [of]: at(1) } }, RangeError, overlaps(of, "prediction"));
      refuses(x, y, { out: { [of]: at(N) } }, RangeError, overlaps(of, "target"));
      refuses(x, y, { out: { [of]: at(2 * N - 1) } }, RangeError, overlaps(of, "target"));
      refuses(x, y, { weights: w, out: { [of]: at(3 * N - 1) } }, RangeError, overlaps(of, "weights"));
    }
    refuses(x, y, { out: { hess: x } }, RangeError, overlaps("hess", "prediction"));
    refuses(x, x, { out: { grad: x } }, RangeError, overlaps("grad", "target"));
    refuses(x, y, { weights: x, out: { grad: x } }, RangeError, overlaps("grad", "weights"));
    refuses(x, y, { out: { grad: at(3 * N), hess: at(3 * N - 4) } }, RangeError, overlaps("hess", "out.grad"));
    if (spec.root) return;
    const value = at(3 * N);
    refuses(x, y, { reduction: "none", out: { value: x } }, RangeError, overlaps("value", "prediction"));
    refuses(x, y, { reduction: "none", out: { value: y } }, RangeError, overlaps("value", "target"));
    refuses(x, y, { reduction: "none", out: { value, grad: value } }, RangeError, overlaps("grad", "out.value"));
    refuses(x, y, { reduction: "none", out: { value, hess: value } }, RangeError, overlaps("hess", "out.value"));
  });

  it("has a range for every parameter", () => {
    expect(Object.keys(spec.parameters)).toEqual(Object.keys(Object(Reflect.get(ranges, name))));
  });

  describe.each(rulesOf(spec).map(([parameter, rule]) => ({ parameter, rule })))(
    "$parameter",
    ({ parameter, rule }) => {
      it.each(outside(rule))("is not %f", (value) => {
        const range = Reflect.get(Reflect.get(ranges, name), parameter);
        refuses(
          prediction,
          target,
          { [parameter]: value },
          RangeError,
          `${name}: ${parameter} must be ${range}, got ${value}`,
        );
      });

      it.each(things.filter(({ what }) => typeof what !== "number" && !(what === null && rule.off)))(
        "is not $shown",
        ({ what, shown }) => {
          const kind = rule.off === undefined ? "a number" : "a number or null";
          refuses(
            prediction,
            target,
            { [parameter]: what },
            TypeError,
            `${name}: ${parameter} must be ${kind}, got ${shown}`,
          );
        },
      );
    },
  );

  /** Where an offender may stand: in the first vector, in the tail, and at either side of a round's end. */
  const places = [0, 3, ROUND - 1, ROUND, long - 2, long - 1].filter((at) => at < long);

  it.each(places)("names the number that is not allowed, and where it is: %i", (at) => {
    const data = drawData(spec, Type, long);
    for (const [array, message] of offenders(spec, Type)) {
      for (const [bad, shown] of message) {
        const spoilt = { ...data, [array]: data[array].slice() };
        spoilt[array][at] = bad;
        // A second offender behind it is not the one to be named.
        if (at + 1 < long) spoilt[array][at + 1] = bad;
        const { prediction: x, target: y, weights } = spoilt;
        refuses(x, y, { weights }, RangeError, `${name}: ${shown(at)}`);
      }
    }
  });

  it("leaves a prediction alone that the gradient was to replace", () => {
    const data = drawData(spec, Type, long);
    const place = data.prediction.slice();
    data.weights[long - 1] = -1;
    const thrown = thrownBy(() => loss.grad(place, data.target, { weights: data.weights, out: { grad: place } }));
    expect(thrown).toHaveProperty("message", `${name}: weights must be finite and at least 0, got -1 at ${long - 1}`);
    expectBits(place, data.prediction);
  });

  it("works as before after an error", () => {
    const before = loss(prediction, target);
    thrownBy(() => loss(prediction, target.subarray(1)));
    const negative = fill(Type, N, () => -1);
    thrownBy(() => loss(prediction, target, { weights: negative }));
    expect(loss(prediction, target)).toBe(before);
  });

  it.each([undefined, null, 3, {}, { sum: 1 }, { sum: "1", weight: 1 }, [1, 2]])("takes no %o for a total", (total) => {
    const shown = Array.isArray(total)
      ? "an array"
      : typeof total === "object" && total !== null
        ? "an object"
        : `${total}`;
    const message = `a total must be { sum, weight }, both numbers, got ${shown}`;
    const merged = thrownBy(() => Reflect.apply(mergeTotals, undefined, [{ sum: 1, weight: 1 }, total]));
    expect(merged).toEqual(new TypeError(`mergeTotals: ${message}`));
    expect(thrownBy(() => Reflect.apply(loss.fromTotal, undefined, [total]))).toEqual(
      new TypeError(`${name}: ${message}`),
    );
  });
});

type Array = "prediction" | "target" | "weights";

/** What a loss refuses in each of its arrays, with the message's end. */
function offenders(spec: Spec, Type: FloatsConstructor): [Array, [bad: number, shown: (at: number) => string][]][] {
  const [most = NaN] = Type === Float32Array ? Type.of(1 + 2 ** -23) : Type.of(1 + 2 ** -52);
  const interval = (name: Array): [Array, [number, (at: number) => string][]] => [
    name,
    [-1, -(2 ** -100), most, 1.5, Infinity, -Infinity].map((bad) => [
      bad,
      (at) => `${name} ${bad} at ${at} is outside [0, 1]`,
    ]),
  ];
  const label = [-1, 2 ** -100, 0.5, most, 2, Infinity].map((bad): [number, (at: number) => string] => [
    bad,
    (at) => `target ${bad} at ${at} is not 0 or 1`,
  ]);
  const weight = [-1, -(2 ** -100), NaN, Infinity].map((bad): [number, (at: number) => string] => [
    bad,
    (at) => `weights must be finite and at least 0, got ${bad} at ${at}`,
  ]);
  return [
    ...(spec.predictions ? [interval("prediction")] : []),
    ...(spec.labels ? [["target", label] satisfies [Array, typeof label]] : spec.targets ? [interval("target")] : []),
    ["weights", weight],
  ];
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}
