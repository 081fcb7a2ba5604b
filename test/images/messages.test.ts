/** A tour of bad input to the measures of images: every message in full, the right kind of error, and no output touched. */
import { describe, expect, it } from "vitest";
import { expectBits } from "../bits.js";
import { detach, resizable, resize } from "../buffers.js";
import type { Floats } from "../implementations.js";
import { fill } from "../random.js";
import { drawFeatures, drawImages, imageSuites, shapeOf } from "./implementations.js";

const scalars = [
  { what: null, shown: "null" },
  { what: "mean", shown: '"mean"' },
  { what: true, shown: "true" },
  { what: 4n, shown: "4n" },
  { what: Symbol("s"), shown: "a symbol" },
  { what: () => 1, shown: "a function" },
] as const;
const integers = [
  { what: new Int32Array(8), shown: "Int32Array" },
  { what: new Uint8ClampedArray(8), shown: "Uint8ClampedArray" },
  { what: new BigInt64Array(8), shown: "BigInt64Array" },
] as const;
/** No array of floats. */
const things = [
  ...scalars,
  ...integers,
  { what: 3, shown: "3" },
  { what: {}, shown: "an object" },
  { what: new DataView(new ArrayBuffer(8)), shown: "an object" },
  // What only claims to be one.
  { what: { length: 8, [Symbol.toStringTag]: "Float64Array" }, shown: "an object" },
] as const;
/** No object with names. */
const unnamed = [...scalars, ...integers, { what: 3, shown: "3" }, { what: [], shown: "an array" }] as const;

const floats = "a Float32Array, a Float64Array or an array of numbers";

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

function expectThrown(method: unknown, given: readonly unknown[], kind: ErrorConstructor, message: string): void {
  if (typeof method !== "function") throw new Error("no function");
  const thrown = thrownBy(() => Reflect.apply(method, undefined, given));
  expect(thrown).toHaveProperty("message", message);
  expect(thrown).toBeInstanceOf(kind);
}

describe.each(imageSuites)("$title", ({ losses: { perceptual, psnr, ssim }, Type }) => {
  const Other = Type === Float32Array ? Float64Array : Float32Array;

  /** What has lost its memory: by a transfer, and by its buffer having become too short. */
  const lost: readonly ((array: Floats) => Floats)[] = [
    (array) => {
      const copy = array.slice();
      detach(copy);
      return copy;
    },
    (array) => {
      const whole = resizable(Type, array);
      const part = whole.subarray(0, 3);
      resize(whole, 2);
      return part;
    },
  ];

  /** What `prediction` and `target` must be, of a measure that takes both. */
  function describeArrays(
    name: string,
    { prediction, target }: { readonly prediction: Floats; readonly target: Floats },
    refuses: (x: unknown, y: unknown, kind: ErrorConstructor, message: string) => void,
  ): void {
    const n = prediction.length;

    it.each([...things, { what: undefined, shown: "undefined" }])("takes no $shown for an array", ({ what, shown }) => {
      refuses(what, target, TypeError, `${name}: prediction must be ${floats}, got ${shown}`);
      refuses(prediction, what, TypeError, `${name}: target must be ${floats}, got ${shown}`);
    });

    it("takes no mixed types", () => {
      const like = `${name}: target must be a ${Type.name} like prediction`;
      refuses(prediction, new Other(target), TypeError, `${like}, got ${Other.name}`);
      if (Type === Float32Array) refuses(prediction, Array.from(target), TypeError, `${like}, got an array`);
    });

    it("takes no array of anything but numbers", () => {
      const [texts, holes]: [unknown[], unknown[]] = [Array.from(prediction), Array.from(prediction)];
      texts[3] = "4";
      delete holes[1];
      const numbers = Array.from(target);
      refuses(texts, numbers, TypeError, `${name}: prediction must hold numbers, got "4" at 3`);
      refuses(numbers, holes, TypeError, `${name}: target must hold numbers, got undefined at 1`);
    });

    it("takes no array of another length", () => {
      const like = `${name}: target must have ${n} elements like prediction`;
      for (const length of [0, n - 1, n + 1])
        refuses(prediction, new Type(length), RangeError, `${like}, got ${length}`);
    });

    it.each(lost)("takes no array that has lost its memory %#", (lose) => {
      refuses(lose(prediction), target, TypeError, `${name}: prediction has a detached buffer`);
      refuses(prediction, lose(target), TypeError, `${name}: target has a detached buffer`);
      refuses(new Type(0), lose(target), TypeError, `${name}: target has a detached buffer`);
    });
  }

  /** What the peak must be. */
  function describePeak(name: string, refuses: (peak: unknown, kind: ErrorConstructor, message: string) => void): void {
    it.each([0, -0, -1, NaN, Infinity, -Infinity])("takes no peak of %d", (peak) => {
      refuses(peak, RangeError, `${name}: peak must be finite and greater than 0, got ${peak}`);
    });

    it.each([...scalars, ...integers, { what: "1", shown: '"1"' }, { what: [1], shown: "an array" }])(
      "takes no $shown for a peak",
      ({ what, shown }) => refuses(what, TypeError, `${name}: peak must be a number, got ${shown}`),
    );
  }

  describe("psnr", () => {
    const { prediction, target } = drawImages(Type, shapeOf(12, 11));

    function refuses(x: unknown, y: unknown, options: unknown, kind: ErrorConstructor, message: string): void {
      expectThrown(psnr, [x, y, options], kind, message);
    }

    describeArrays("psnr", { prediction, target }, (x, y, kind, message) => refuses(x, y, undefined, kind, message));

    describePeak("psnr", (peak, kind, message) => {
      refuses(prediction, target, { peak }, kind, message);
      expectThrown(psnr.fromTotal, [{ sum: 1, weight: 1 }, { peak }], kind, message);
    });

    it.each(unnamed)("takes no $shown for options", ({ what, shown }) => {
      const message = `psnr: options must be an object, got ${shown}`;
      refuses(prediction, target, what, TypeError, message);
      expectThrown(psnr.fromTotal, [{ sum: 1, weight: 1 }, what], TypeError, message);
    });

    it.each(["reduction", "out", "weights", "Peak", "data_range", ""])("knows no option %o", (option) => {
      const message = `psnr: unknown option "${option}"; the options are peak`;
      refuses(prediction, target, { [option]: 1 }, TypeError, message);
      expectThrown(psnr.fromTotal, [{ sum: 1, weight: 1 }, { [option]: undefined }], TypeError, message);
    });

    it.each([
      [undefined, "undefined"],
      [3, "3"],
      [{ sum: 1 }, "an object"],
      [{ sum: "1", weight: 1 }, "an object"],
      [[1, 2], "an array"],
    ])("takes no %o for a total", (total, shown) => {
      const message = `psnr: a total must be { sum, weight }, both numbers, got ${shown}`;
      expectThrown(psnr.fromTotal, [total], TypeError, message);
    });
  });

  describe("ssim", () => {
    const { prediction, target } = drawImages(Type, shapeOf(12, 11, 2));
    const size = { width: 12, height: 11, channels: 2 };
    const n = prediction.length;

    /** Every method refuses the arguments with that very message, and leaves the output as it is. */
    function refuses(x: unknown, y: unknown, options: unknown, kind: ErrorConstructor, message: string): void {
      const named = Object.prototype.toString.call(options) === "[object Object]";
      const grad = fill(Type, n, () => 7);
      const all = named ? { ...size, out: { grad }, ...Object(options) } : options;
      for (const method of [ssim, ssim.grad, ssim.valueAndGrad]) {
        expectThrown(method, [x, y, all], kind, message);
        expectBits(
          grad,
          fill(Type, n, () => 7),
          message,
        );
      }
    }

    describeArrays("ssim", { prediction, target }, (x, y, kind, message) => refuses(x, y, {}, kind, message));

    describePeak("ssim", (peak, kind, message) => refuses(prediction, target, { peak }, kind, message));

    it("must be told the width and the height", () => {
      refuses(prediction, target, undefined, TypeError, "ssim: width must be a number, got undefined");
      for (const side of ["width", "height"]) {
        const message = `ssim: ${side} must be a number, got undefined`;
        refuses(prediction, target, { [side]: undefined }, TypeError, message);
      }
      expectThrown(ssim, [prediction, target], TypeError, "ssim: width must be a number, got undefined");
      const missing = "ssim: height must be a number, got undefined";
      expectThrown(ssim, [prediction, target, { width: 12, channels: 2 }], TypeError, missing);
    });

    it.each(["width", "height"])("takes no %s smaller than the window", (side) => {
      for (const length of [10, 1, 0, -11]) {
        const message = `ssim: ${side} must be a whole number of at least 11, the side of the window, got ${length}`;
        refuses(prediction, target, { [side]: length }, RangeError, message);
        // Whatever the arrays hold.
        refuses(new Type(0), new Type(0), { [side]: length, images: 0 }, RangeError, message);
      }
    });

    it.each([
      ["width", 11],
      ["height", 11],
      ["channels", 1],
      ["images", 0],
    ])("takes no %s that is not whole or out of range", (option, least) => {
      for (const count of [least + 0.5, 11.5, -1.5, NaN, Infinity, -Infinity, 2 ** 53]) {
        const message = `ssim: ${option} must be a whole number of at least ${least}, got ${count}`;
        refuses(prediction, target, { [option]: count }, RangeError, message);
      }
      for (const { what, shown } of [...scalars, ...integers, { what: "12", shown: '"12"' }]) {
        // An option that is null is not one that was left out.
        const message = `ssim: ${option} must be a number, got ${shown}`;
        refuses(prediction, target, { [option]: what }, TypeError, message);
      }
    });

    it("takes no pixel without a channel, and no images fewer than none", () => {
      for (const channels of [0, -1]) {
        const message = `ssim: channels must be a whole number of at least 1, got ${channels}`;
        refuses(prediction, target, { channels }, RangeError, message);
      }
      refuses(
        prediction,
        target,
        { images: -1 },
        RangeError,
        "ssim: images must be a whole number of at least 0, got -1",
      );
    });

    it.each([
      [{ width: 13 }, "286 elements, 1 × 11 × 13 × 2"],
      [{ height: 12 }, "288 elements, 1 × 12 × 12 × 2"],
      [{ channels: 1 }, "132 elements, 1 × 11 × 12 × 1"],
      [{ channels: undefined }, "132 elements, 1 × 11 × 12 × 1"],
      [{ images: 2 }, "528 elements, 2 × 11 × 12 × 2"],
      [{ images: 0 }, "0 elements, 0 × 11 × 12 × 2"],
    ])("says how many elements images of %o have", (options, wanted) => {
      const message = `ssim: prediction must have ${wanted} (images × height × width × channels), got 264`;
      refuses(prediction, target, options, RangeError, message);
    });

    it.each(unnamed)("takes no $shown for options or out", ({ what, shown }) => {
      refuses(prediction, target, what, TypeError, `ssim: options must be an object, got ${shown}`);
      refuses(prediction, target, { out: what }, TypeError, `ssim: out must be an object, got ${shown}`);
    });

    it.each(["Width", "weights", "reduction", "window", "sigma", "data_range", ""])("knows no option %o", (option) => {
      const known = "width, height, channels, images, peak, out";
      const message = `ssim: unknown option "${option}"; the options are ${known}`;
      refuses(prediction, target, { [option]: undefined }, TypeError, message);
    });

    it.each(["value", "hess", "gradient"])("knows no output %o", (output) => {
      const message = `ssim: unknown output "${output}" in out; the output is grad`;
      refuses(prediction, target, { out: { [output]: undefined } }, TypeError, message);
    });

    it.each([...things, { what: [1, 2], shown: "an array" }])("takes no $shown for out.grad", ({ what, shown }) => {
      const message = `ssim: out.grad must be a ${Type.name}, got ${shown}`;
      refuses(prediction, target, { out: { grad: what } }, TypeError, message);
    });

    it("takes no out.grad of another type or length, or without memory", () => {
      const wrong = `ssim: out.grad must be a ${Type.name}, got ${Other.name}`;
      refuses(prediction, target, { out: { grad: new Other(n) } }, TypeError, wrong);
      for (const length of [0, n - 1, n + 1]) {
        const message = `ssim: out.grad must have ${n} elements like prediction, got ${length}`;
        refuses(prediction, target, { out: { grad: new Type(length) } }, RangeError, message);
      }
      for (const lose of lost) {
        const message = "ssim: out.grad has a detached buffer";
        refuses(prediction, target, { out: { grad: lose(prediction) } }, TypeError, message);
      }
    });

    it("takes no out.grad that overlaps an image, but in the prediction's place", () => {
      const memory = new Type(4 * n);
      const at = (from: number) => memory.subarray(from, from + n);
      const [x, y] = [at(n), at(2 * n)];
      x.set(prediction);
      y.set(target);
      const before = memory.slice();
      const overlaps = (other: string) => `ssim: out.grad must not overlap ${other}`;
      for (const shift of [1 - n, -1, 1]) {
        refuses(x, at(3 * n), { out: { grad: at(n + shift) } }, RangeError, overlaps("prediction"));
      }
      for (const shift of [1, 0, n - 1]) {
        refuses(x, y, { out: { grad: at(2 * n + shift) } }, RangeError, overlaps("target"));
      }
      refuses(x, x, { out: { grad: x } }, RangeError, overlaps("target"));
      expectBits(memory, before);
    });
  });

  describe("perceptual", () => {
    const { features, targetFeatures } = drawFeatures(Type, [5, 8]);
    const [x0 = new Type(0), x1 = new Type(0)] = features;
    const [y0 = new Type(0), y1 = new Type(0)] = targetFeatures;
    const sevens = () => features.map((layer) => fill(Type, layer.length, () => 7));
    const layers = "an array of arrays, one per layer";

    /** Every method refuses the arguments with that very message, and leaves the outputs as they are. */
    function refuses(x: unknown, y: unknown, options: unknown, kind: ErrorConstructor, message: string): void {
      const named = options === undefined || Object.prototype.toString.call(options) === "[object Object]";
      const given: Readonly<Record<string, unknown>> = Object(options);
      for (const reduction of named && !("reduction" in given) ? (["mean", "none"] as const) : ["mean"]) {
        const buffers = { grad: sevens(), hess: sevens() };
        const out = reduction === "none" ? { value: sevens(), ...buffers } : buffers;
        const own = given.out === undefined ? out : { ...out, ...Object(given.out) };
        const isOut = given.out === undefined || Object.prototype.toString.call(given.out) === "[object Object]";
        const all = named ? { reduction, ...given, out: isOut ? own : given.out } : options;
        for (const method of [perceptual, perceptual.grad, perceptual.valueAndGrad, perceptual.valueGradHess]) {
          expectThrown(method, [x, y, all], kind, message);
          for (const array of Object.values(out).flat())
            expectBits(
              array,
              fill(Type, array.length, () => 7),
              message,
            );
        }
      }
    }

    it.each([...things, { what: undefined, shown: "undefined" }, { what: new Type(5), shown: Type.name }])(
      "takes no $shown for layers",
      ({ what, shown }) => {
        refuses(what, targetFeatures, {}, TypeError, `perceptual: features must be ${layers}, got ${shown}`);
        refuses(features, what, {}, TypeError, `perceptual: targetFeatures must be ${layers}, got ${shown}`);
        if (what === undefined) return;
        for (const of of ["value", "grad", "hess"]) {
          const message = `perceptual: out.${of} must be ${layers}, got ${shown}`;
          refuses(features, targetFeatures, { reduction: "none", out: { [of]: what } }, TypeError, message);
        }
      },
    );

    it("takes no list of another length, and no empty one", () => {
      const like = (of: string, wanted: string, got: number) =>
        `perceptual: ${of} must have ${wanted} like features, got ${got}`;
      refuses([], [], {}, RangeError, "perceptual: features must have at least 1 layer, got 0");
      refuses(features, [y0], {}, RangeError, like("targetFeatures", "2 layers", 1));
      refuses(features, [], {}, RangeError, like("targetFeatures", "2 layers", 0));
      refuses([x0], targetFeatures, {}, RangeError, like("targetFeatures", "1 layer", 2));
      for (const of of ["value", "grad", "hess"]) {
        const out = { [of]: [x0] };
        refuses(features, targetFeatures, { reduction: "none", out }, RangeError, like(`out.${of}`, "2 layers", 1));
      }
    });

    it.each([...things, { what: undefined, shown: "undefined" }])("takes no $shown for a layer", ({ what, shown }) => {
      refuses([x0, what], targetFeatures, {}, TypeError, `perceptual: features[1] must be ${floats}, got ${shown}`);
      refuses(features, [what, y1], {}, TypeError, `perceptual: targetFeatures[0] must be ${floats}, got ${shown}`);
      if (what === undefined) return;
      for (const of of ["value", "grad", "hess"]) {
        const message = `perceptual: out.${of}[1] must be a ${Type.name}, got ${shown}`;
        const out = { [of]: [new Type(5), what] };
        refuses(features, targetFeatures, { reduction: "none", out }, TypeError, message);
      }
    });

    it("takes no list with a hole", () => {
      const holed: Floats[] = [x0];
      holed.length = 2;
      const message = (of: string) => `perceptual: ${of}[1] must be ${floats}, got undefined`;
      refuses(holed, targetFeatures, {}, TypeError, message("features"));
      refuses(features, holed, {}, TypeError, message("targetFeatures"));
    });

    it("takes no mixed types in a layer", () => {
      const wrong = `perceptual: targetFeatures[1] must be a ${Type.name} like features[1], got`;
      refuses(features, [y0, new Other(y1)], {}, TypeError, `${wrong} ${Other.name}`);
      if (Type === Float32Array) refuses(features, [y0, Array.from(y1)], {}, TypeError, `${wrong} an array`);
      for (const of of ["value", "grad", "hess"]) {
        const message = `perceptual: out.${of}[0] must be a ${Type.name}, got ${Other.name}`;
        const out = { [of]: [new Other(5), new Type(8)] };
        refuses(features, targetFeatures, { reduction: "none", out }, TypeError, message);
      }
    });

    it("takes no layer of anything but numbers", () => {
      const [numbers, texts]: [unknown[], unknown[]] = [Array.from(x1), Array.from(x1)];
      texts[3] = "4";
      refuses([x0, texts], targetFeatures, {}, TypeError, 'perceptual: features[1] must hold numbers, got "4" at 3');
      const target = 'perceptual: targetFeatures[1] must hold numbers, got "4" at 3';
      refuses([x0, numbers], [y0, texts], {}, TypeError, target);
    });

    it("takes no layer of another length", () => {
      const wanted = (of: string, n: number, l: number) =>
        `perceptual: ${of}[${l}] must have ${n} elements like features[${l}]`;
      refuses(features, [y0, y0], {}, RangeError, `${wanted("targetFeatures", 8, 1)}, got 5`);
      refuses([x1, x0], targetFeatures, {}, RangeError, `${wanted("targetFeatures", 8, 0)}, got 5`);
      for (const of of ["value", "grad", "hess"]) {
        const out = { [of]: [new Type(5), new Type(7)] };
        const message = `${wanted(`out.${of}`, 8, 1)}, got 7`;
        refuses(features, targetFeatures, { reduction: "none", out }, RangeError, message);
      }
    });

    it.each(lost)("takes no layer that has lost its memory %#", (lose) => {
      const detached = (of: string) => `perceptual: ${of} has a detached buffer`;
      refuses([x0, lose(x1)], targetFeatures, {}, TypeError, detached("features[1]"));
      refuses(features, [y0, lose(y1)], {}, TypeError, detached("targetFeatures[1]"));
      refuses(features, targetFeatures, { layerWeights: lose(x0) }, TypeError, detached("layerWeights"));
      for (const of of ["value", "grad", "hess"]) {
        const out = { [of]: [lose(x0), new Type(8)] };
        refuses(features, targetFeatures, { reduction: "none", out }, TypeError, detached(`out.${of}[0]`));
      }
    });

    it.each([-1, -(2 ** -1074), NaN, Infinity, -Infinity])("takes no weight of %d", (bad) => {
      const message = (l: number) => `perceptual: layerWeights must be finite and at least 0, got ${bad} at ${l}`;
      refuses(features, targetFeatures, { layerWeights: [1, bad] }, RangeError, message(1));
      refuses(features, targetFeatures, { layerWeights: [bad, bad] }, RangeError, message(0));
      refuses(features, targetFeatures, { layerWeights: Float64Array.of(0, bad) }, RangeError, message(1));
    });

    it("takes no weights but one number a layer", () => {
      for (const n of [0, 1, 3]) {
        const message = `perceptual: layerWeights must have 2 elements (one per layer), got ${n}`;
        refuses(features, targetFeatures, { layerWeights: Array(n).fill(1) }, RangeError, message);
        refuses(features, targetFeatures, { layerWeights: new Float32Array(n) }, RangeError, message);
      }
      const message = "perceptual: layerWeights must have 1 element (one per layer), got 2";
      refuses([x0], [y0], { layerWeights: [1, 1] }, RangeError, message);
      for (const { what, shown } of things) {
        refuses(
          features,
          targetFeatures,
          { layerWeights: what },
          TypeError,
          `perceptual: layerWeights must be ${floats}, got ${shown}`,
        );
      }
      const numbers = 'perceptual: layerWeights must hold numbers, got "1" at 0';
      refuses(features, targetFeatures, { layerWeights: ["1", 1] }, TypeError, numbers);
    });

    it.each(unnamed)("takes no $shown for options or out", ({ what, shown }) => {
      refuses(features, targetFeatures, what, TypeError, `perceptual: options must be an object, got ${shown}`);
      refuses(features, targetFeatures, { out: what }, TypeError, `perceptual: out must be an object, got ${shown}`);
    });

    it.each(["weights", "layerweights", "peak", ""])("knows no option %o", (option) => {
      const message = `perceptual: unknown option "${option}"; the options are layerWeights, reduction, out`;
      refuses(features, targetFeatures, { [option]: undefined }, TypeError, message);
    });

    it("knows no other output, and no other reduction", () => {
      const output = 'perceptual: unknown output "gradient" in out; the outputs are value, grad, hess';
      refuses(features, targetFeatures, { out: { gradient: sevens() } }, TypeError, output);
      const reduction = 'perceptual: reduction must be "mean", "sum" or "none", got';
      refuses(features, targetFeatures, { reduction: "batchmean" }, RangeError, `${reduction} "batchmean"`);
      refuses(features, targetFeatures, { reduction: null }, TypeError, `${reduction} null`);
    });

    it("takes no out.value for a value that is a number", () => {
      const message = "perceptual: out.value must be left out where the value is a number, got an array";
      for (const reduction of [undefined, "mean", "sum"]) {
        refuses(features, targetFeatures, { reduction, out: { value: sevens() } }, TypeError, message);
      }
    });

    it("takes no output that overlaps another array of any layer, but a gradient in its features' place", () => {
      // Each in the midst of room of its own.
      const memory = new Type(12 * 8).fill(3);
      const at = (place: number, n: number, shift = 0) => memory.subarray(8 * place + shift, 8 * place + shift + n);
      const x = [at(2, 5), at(4, 8)];
      const y = [at(6, 5), at(8, 8)];
      const inputs = [
        { other: "features[0]", place: 2, taken: 5 },
        { other: "features[1]", place: 4, taken: 8 },
        { other: "targetFeatures[0]", place: 6, taken: 5 },
        { other: "targetFeatures[1]", place: 8, taken: 8 },
      ];
      const before = memory.slice();
      const reduction = "none";
      for (const of of ["value", "grad", "hess"]) {
        for (const { other, place, taken } of inputs) {
          for (const [l, n] of [5, 8].entries()) {
            for (const shift of [1 - n, 0, taken - 1]) {
              if (shift === 0 && of === "grad" && other === `features[${l}]`) continue;
              const out = { [of]: [new Type(5), new Type(8)].with(l, at(place, n, shift)) };
              refuses(x, y, { reduction, out }, RangeError, `perceptual: out.${of}[${l}] must not overlap ${other}`);
            }
          }
        }
      }
      const twice = at(10, 8);
      const short = twice.subarray(3);
      const grads = { out: { grad: [short, twice] } };
      refuses(x, y, grads, RangeError, "perceptual: out.grad[1] must not overlap out.grad[0]");
      const grad = [short, new Type(8)];
      const hess = [new Type(5), twice];
      refuses(x, y, { out: { grad, hess } }, RangeError, "perceptual: out.hess[1] must not overlap out.grad[0]");
      const within = { reduction, out: { value: grad, hess: grad } };
      refuses(x, y, within, RangeError, "perceptual: out.hess[0] must not overlap out.value[0]");
      // In the place of what is another layer's.
      const alike = [x0, x0.slice()];
      const swapped = { reduction: "mean", out: { grad: alike.toReversed(), hess: undefined } };
      const message = "perceptual: out.grad[0] must not overlap features[1]";
      refuses(alike, [y0, y0], swapped, RangeError, message);
      expectBits(memory, before);
    });
  });
});
