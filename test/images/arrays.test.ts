/** Where the numbers of images and features stand: alignments, memories, in whose place results are written. */
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { ROUND } from "../../assembly/want.js";
import { expectBits } from "../bits.js";
import { guarded, resizable, resize, shared } from "../buffers.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import { fill } from "../random.js";
import { drawFeatures, drawImages, imageSuites, shapeOf, show, sizeOf } from "./implementations.js";

/** One window; few; several rounds through the kernels' memory. */
const shapes = [shapeOf(11, 11), shapeOf(13, 12, 3), shapeOf(12, 90, 2, 2)];
/** The first of several rounds, too. */
const lengths = [2 * ROUND + 1000, 1, 67, 0, 5];
const EACH = { reduction: "none" } as const;

describe.each(imageSuites)("$title", ({ losses: { perceptual, psnr, ssim }, Type }) => {
  interface Results {
    readonly value: number;
    readonly grad: Floats;
  }

  function expectImages(got: Results, expected: Results, what: string): void {
    expect(got.value, what).toBe(expected.value);
    expectBits(got.grad, expected.grad, what);
  }

  it.each(shapes)("ssim takes arrays at every alignment, and writes no byte beside them: $height × $width", (shape) => {
    const { prediction, target } = drawImages(Type, shape);
    const expected = ssim.valueAndGrad(prediction, target, shape);
    const decibels = psnr(prediction, target);
    for (let offset = 0; offset < 8; offset++) {
      const place = (array: Floats, shift: number) => guarded(Type, array, (offset + shift) % 8);
      const [x, y, grad] = [place(prediction, 0), place(target, 3), place(new Type(prediction.length), 5)];
      const got = ssim.valueAndGrad(x.array, y.array, { ...shape, out: { grad: grad.array } });
      expect(got.grad).toBe(grad.array);
      expectImages(got, expected, `offset ${offset}`);
      expect(psnr(x.array, y.array)).toBe(decibels);
      expectBits(x.array, prediction, `offset ${offset}: prediction`);
      expectBits(y.array, target, `offset ${offset}: target`);
      for (const { expectGuards } of [x, y, grad]) expectGuards(`${show(shape)}, offset ${offset}`);
    }
  });

  it("perceptual takes arrays at every alignment, and writes no byte beside them", () => {
    const { features, targetFeatures } = drawFeatures(Type, [0, 1, 2, 3, 4, 5, 9, 16, 31, 67]);
    const layerWeights = features.map((_, l) => (l % 3) / 2);
    for (const reduction of ["mean", "none"] as const) {
      const plain = { layerWeights, reduction };
      const expected = perceptual.valueGradHess(features, targetFeatures, plain);
      for (let offset = 0; offset < 8; offset++) {
        const place = (layers: readonly Floats[], shift: number) =>
          layers.map((layer, l) => guarded(Type, layer, (offset + shift + l) % 8));
        const blank = features.map((layer) => new Type(layer.length));
        const all = [place(features, 0), place(targetFeatures, 3), place(blank, 1), place(blank, 5), place(blank, 2)];
        const [x = [], y = [], value = [], grad = [], hess = []] = all.map((layers) =>
          layers.map(({ array }) => array),
        );
        const out = reduction === "none" ? { value, grad, hess } : { grad, hess };
        const got = perceptual.valueGradHess(x, y, { ...plain, out });
        if (typeof expected.value === "number") expect(got.value).toBe(expected.value);
        for (const [l, layer] of features.entries()) {
          const what = `${reduction}, offset ${offset}, layer ${l}`;
          if (typeof expected.value !== "number") expectBits(value[l] ?? layer, expected.value[l] ?? layer, what);
          expectBits(grad[l] ?? layer, expected.grad[l] ?? layer, what);
          expectBits(hess[l] ?? layer, expected.hess[l] ?? layer, what);
          expectBits(x[l] ?? layer, layer, what);
          expectBits(y[l] ?? layer, targetFeatures[l] ?? layer, what);
        }
        for (const { expectGuards } of all.flat()) expectGuards(`${reduction}, offset ${offset}`);
      }
    }
  });

  it("returns arrays of the prediction's type, each with a buffer of its own", () => {
    const { prediction, target, shape } = drawImages(Type, shapeOf(13, 12, 3));
    const { features, targetFeatures } = drawFeatures(Type, [5, 67]);
    const layers = perceptual.valueGradHess(features, targetFeatures, EACH);
    const arrays = [ssim.grad(prediction, target, shape), ...layers.value, ...layers.grad, ...layers.hess];
    const sizes = [sizeOf(shape), 5, 67, 5, 67, 5, 67];
    expect(arrays.map(({ length }) => length)).toEqual(sizes);
    for (const array of arrays) {
      expect(array.constructor).toBe(Type);
      expect(array.buffer.byteLength).toBe(array.byteLength);
    }
    expect(new Set(arrays.map(({ buffer }) => buffer)).size).toBe(arrays.length);
  });

  it.each(shapes)("changes no input, and leaves earlier results alone: $height × $width", (shape) => {
    const { prediction, target } = drawImages(Type, shape);
    const copies = [prediction.slice(), target.slice()] as const;
    const before = ssim.valueAndGrad(prediction, target, shape);
    const kept = { ...before, grad: before.grad.slice() };
    ssim.valueAndGrad(target, prediction, shape);
    psnr(prediction, target);
    expectImages(before, kept, "after another call");
    expectBits(prediction, copies[0], "prediction");
    expectBits(target, copies[1], "target");
  });

  it("writes into the caller's gradient where it is asked for", () => {
    for (const shape of shapes) {
      const { prediction, target } = drawImages(Type, shape);
      const expected = ssim.valueAndGrad(prediction, target, shape);
      const grad = fill(Type, prediction.length, () => 7);
      expect(ssim(prediction, target, { ...shape, out: { grad } })).toBe(expected.value);
      expectBits(grad, grad.slice().fill(7), "unasked");
      expect(ssim.grad(prediction, target, { ...shape, out: { grad } })).toBe(grad);
      expectBits(grad, expected.grad);
      const own = ssim.grad(prediction, target, { ...shape, out: {} });
      expect(own === grad).toBe(false);
      expectBits(ssim.grad(prediction, target, { ...shape, out: { grad: undefined } }), own);
    }
  });

  it.each(shapes)("puts the gradient in the prediction's place: $height × $width", (shape) => {
    const { prediction, target } = drawImages(Type, shape);
    const expected = ssim.valueAndGrad(prediction, target, shape);
    const place = prediction.slice();
    expect(ssim(place, target, { ...shape, out: { grad: place } })).toBe(expected.value);
    expectBits(place, prediction, "the value alone");
    const got = ssim.valueAndGrad(place, target, { ...shape, out: { grad: place } });
    expect(got.grad).toBe(place);
    expectImages(got, expected, "in place");

    // Another view of the same numbers.
    place.set(prediction);
    const view = new Type(place.buffer);
    expectBits(ssim.grad(place, target, { ...shape, out: { grad: view } }), expected.grad);
    expectBits(place, expected.grad);
  });

  it("takes one array for both", () => {
    const { prediction, shape } = drawImages(Type, shapeOf(12, 45, 2));
    expectImages(
      ssim.valueAndGrad(prediction, prediction, shape),
      ssim.valueAndGrad(prediction, prediction.slice(), shape),
      "ssim",
    );
    expect(psnr(prediction, prediction)).toBe(Infinity);
    const layers = perceptual.grad([prediction, prediction], [prediction, prediction]);
    for (const layer of layers) expectBits(layer, new Type(prediction.length));
  });

  const memories: Readonly<Record<string, (array: Floats) => Floats>> = {
    shared: (array) => shared(Type, array),
    resizable: (array) => resizable(Type, array),
    foreign: (array) => runInNewContext(`new ${Type.name}(content)`, { content: array }),
    "a subclass's": namings(Type),
  };

  it.each(Object.entries(memories))("takes %s memory", (kind, make) => {
    const own = (array: Floats) => new Type(array);
    for (const shape of [...shapes, shapeOf(11, 11, 1, 0)]) {
      const { prediction, target } = drawImages(Type, shape);
      const expected = ssim.valueAndGrad(prediction, target, shape);
      const [x, y, grad] = [make(prediction), make(target), make(new Type(prediction.length))];
      expectImages(ssim.valueAndGrad(x, y, shape), expected, kind);
      const got = ssim.valueAndGrad(x, y, { ...shape, out: { grad } });
      expect(got.grad).toBe(grad);
      expectImages({ ...got, grad: own(grad) }, expected, kind);
      expect(psnr(x, y)).toBe(psnr(prediction, target));
    }

    const { features, targetFeatures } = drawFeatures(Type, lengths);
    for (const layerWeights of [
      [1, 0.5, 2, 0, 1],
      [0, 0, 0, 0, 0],
    ]) {
      const plain = { layerWeights, ...EACH };
      const expected = perceptual.valueGradHess(features, targetFeatures, plain);
      const [x, y] = [features.map(make), targetFeatures.map(make)];
      const blank = () => features.map((layer) => make(new Type(layer.length)));
      const out = { value: blank(), grad: blank(), hess: blank() };
      const got = perceptual.valueGradHess(x, y, plain);
      perceptual.valueGradHess(x, y, { ...plain, out });
      for (const results of [got, out]) {
        for (const name of ["value", "grad", "hess"] as const) {
          for (const [l, layer] of features.entries()) {
            const what = `${kind}: ${name} of layer ${l}`;
            expectBits(own(results[name][l] ?? new Type(1)), expected[name][l] ?? layer, what);
          }
        }
      }
    }
  });

  it("follows the length of a resizable buffer", () => {
    const shape = shapeOf(12, 11, 2, 3);
    const { prediction, target } = drawImages(Type, shape);
    const [x, y] = [resizable(Type, prediction), resizable(Type, target)];
    for (const images of [3, 1, 0, 2]) {
      const size = { ...shape, images };
      resize(x, sizeOf(size));
      resize(y, sizeOf(size));
      expectImages(ssim.valueAndGrad(x, y, size), ssim.valueAndGrad(x.slice(), y.slice(), size), `${images} images`);
      expect(psnr(x, y)).toBe(psnr(x.slice(), y.slice()));
      expect(perceptual([x], [y])).toBe(perceptual([x.slice()], [y.slice()]));
    }
  });

  it.runIf(Type === Float64Array)("takes plain numbers as Float64Array", () => {
    const { prediction, target, shape } = drawImages(Type, shapeOf(13, 12, 3));
    const [x, y] = [Array.from(prediction), Array.from(target)];
    const expected = ssim.valueAndGrad(prediction, target, shape);
    expectImages(ssim.valueAndGrad(x, y, shape), expected, "plain");
    const out = { grad: new Float64Array(x.length) };
    expectImages(ssim.valueAndGrad(x, y, { ...shape, out }), { ...expected, grad: out.grad }, "out");
    expect(psnr(x, y)).toBe(psnr(prediction, target));
    const layers = perceptual.valueAndGrad([x, y], [y, x], EACH);
    const wide = perceptual.valueAndGrad([prediction, target], [target, prediction], EACH);
    for (const l of [0, 1]) {
      expectBits(layers.value[l] ?? new Type(0), wide.value[l] ?? prediction);
      expectBits(layers.grad[l] ?? new Type(0), wide.grad[l] ?? prediction);
    }
  });

  // Node has it from 24 on.
  it.runIf(Type === Float32Array && "Float16Array" in globalThis)("takes Float16Array as Float32Array", () => {
    const Half: Float32ArrayConstructor = Reflect.get(globalThis, "Float16Array");
    const { prediction, target, shape } = drawImages(Type, shapeOf(13, 12, 3));
    const [x, y] = [new Half(prediction), new Half(target)];
    const [wideX, wideY] = [new Float32Array(x), new Float32Array(y)];
    expectImages(ssim.valueAndGrad(x, y, shape), ssim.valueAndGrad(wideX, wideY, shape), "ssim");
    expect(psnr(x, y)).toBe(psnr(wideX, wideY));
    const [layer] = perceptual.grad([x], [y], { layerWeights: new Half([0.5]) });
    expectBits(layer ?? x, perceptual.grad([wideX], [wideY], { layerWeights: [0.5] })[0] ?? wideX);
  });

  it("ssim reads the shape from its options alone", () => {
    const { prediction, target } = drawImages(Type, shapeOf(132, 132));
    const alike = [shapeOf(12, 12, 11, 11), shapeOf(11, 11, 12, 12), shapeOf(132, 132), shapeOf(11, 12, 12, 11)];
    const values = alike.map((shape) => ssim(prediction, target, shape));
    expect(new Set(values).size).toBe(alike.length);
  });
});

/** Arrays of a subclass whose constructor takes something else; a copy of such an array must not ask for it. */
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
