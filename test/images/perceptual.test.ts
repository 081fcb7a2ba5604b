/** The loss of features: what it has to do with `mae`, layer by layer, and what a layer of weight 0 or of no elements does. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ROUND } from "../../assembly/want.js";
import { expectBits, expectValue } from "../bits.js";
import type { Floats } from "../implementations.js";
import { types } from "../implementations.js";
import { fill } from "../random.js";
import { drawFeatures, imageImplementations, imageSuites } from "./implementations.js";

const reductions = ["mean", "sum", "none"] as const;
/** The last of them longer than two rounds through the kernels' memory. */
const lengths = [5, 1, 67, 2 * ROUND + 1000];

function expectLayers(got: number | readonly Floats[], expected: readonly Floats[], what: string): void {
  if (typeof got === "number") throw new Error("one value for all layers");
  expect(got.length, what).toBe(expected.length);
  expected.forEach((layer, l) => {
    expectBits(got[l] ?? new Float32Array(0), layer, `${what} of layer ${l}`);
  });
}

describe.each(imageSuites)("$title", ({ losses: { perceptual, mae }, Type }) => {
  const { features, targetFeatures } = drawFeatures(Type, lengths);
  const pairs = features.map((x, l) => ({ x, y: targetFeatures[l] ?? new Type(0) }));
  const zeros = pairs.map(({ x }) => new Type(x.length));

  /** Σ λ mae over the layers, in their order. */
  const summed = (weights: readonly number[], reduction: "mean" | "sum") =>
    pairs.reduce((sum, { x, y }, l) => sum + (weights[l] ?? 1) * mae(x, y, { reduction }), 0);

  it.each([
    { layerWeights: undefined, shown: "1 each" },
    { layerWeights: [1, 0.5, 4, 2], shown: "powers of two" },
    { layerWeights: [0.1, 3, 1e-3, 0.7], shown: "any" },
  ])("is Σ λ mae, λ $shown", ({ layerWeights }) => {
    const weights = layerWeights ?? [1, 1, 1, 1];
    for (const reduction of ["mean", "sum"] as const) {
      const value = summed(weights, reduction);
      const options = { layerWeights, reduction };
      expect(perceptual(features, targetFeatures, options), reduction).toBe(value);
      expect(perceptual.valueAndGrad(features, targetFeatures, options).value, reduction).toBe(value);
      expect(perceptual.valueGradHess(features, targetFeatures, options).value, reduction).toBe(value);
    }
    const each = pairs.map(({ x, y }, l) => {
      const own = mae(x, y, { reduction: "none" });
      return own.map((value) => (weights[l] ?? 1) * value);
    });
    const options = { layerWeights, reduction: "none" } as const;
    expectLayers(perceptual(features, targetFeatures, options), each, "none");
    expectLayers(perceptual.valueAndGrad(features, targetFeatures, options).value, each, "none");
    expectLayers(perceptual.valueGradHess(features, targetFeatures, options).value, each, "none");
  });

  it("has the gradient λ sign(x − y)/n, rounded once, 0 at ties, and the second derivative 0", () => {
    const layerWeights = [0.1, 3, 1e-3, 0.7];
    for (const reduction of reductions) {
      const options = { layerWeights, reduction };
      const exact = pairs.map(({ x, y }, l) => {
        const scale = (layerWeights[l] ?? 1) / (reduction === "mean" ? x.length : 1);
        // Added to 0, which has one sign then.
        return fill(Type, x.length, (k) => 0 + scale * Math.sign((x[k] ?? NaN) - (y[k] ?? NaN)));
      });
      expectLayers(perceptual.grad(features, targetFeatures, options), exact, reduction);
      expectLayers(perceptual.valueAndGrad(features, targetFeatures, options).grad, exact, reduction);
      const { grad, hess } = perceptual.valueGradHess(features, targetFeatures, options);
      expectLayers(grad, exact, reduction);
      expectLayers(hess, zeros, reduction);
    }
  });

  it("keeps derivatives of 0 where λ is beyond the element type", () => {
    const most = Type === Float32Array ? 3.4028234663852886e38 : 1e300;
    const options = { layerWeights: [1e300], reduction: "sum" } as const;
    const { value, grad, hess } = perceptual.valueGradHess([Type.of(1, 2, 0)], [Type.of(1, 0, 3)], options);
    expect(value).toBe(5e300);
    expect(grad).toEqual([Type.of(0, most, -most)]);
    expect(hess).toEqual([new Type(3)]);
  });

  it("has the gradient λ mae.grad", () => {
    const layerWeights = [1, 0.5, 4, 2];
    for (const reduction of reductions) {
      const options = { layerWeights, reduction };
      const grads = pairs.map(({ x, y }, l) => mae.grad(x, y, { reduction }).map((g) => g * (layerWeights[l] ?? 1)));
      expectLayers(perceptual.grad(features, targetFeatures, options), grads, reduction);
    }
  });

  it("has the gradient that differences say where there is no tie", () => {
    const layerWeights = [0.3, 2, 1, 0.5];
    for (const reduction of ["mean", "sum"] as const) {
      const options = { layerWeights, reduction };
      const grad = perceptual.grad(features, targetFeatures, options);
      for (const [l, { x, y }] of pairs.entries()) {
        // Less than the distance of neighbours on the features' grid: the loss is linear between.
        const h = 2 ** -12;
        const value = (k: number, step: number) => {
          const moved = x.slice();
          moved[k] = (x[k] ?? NaN) + step;
          return perceptual(features.with(l, moved), targetFeatures, options);
        };
        for (let k = 0; k < x.length; k += Math.max(1, x.length >> 4)) {
          const slope = (value(k, h) - value(k, -h)) / (2 * h);
          const scale = (layerWeights[l] ?? NaN) / (reduction === "mean" ? x.length : 1);
          // Values of 10⁴ and their last bits, over 2h.
          const most = 1e-6 * scale + (reduction === "sum" ? 1e-7 : 1e-11);
          expect(Math.abs((grad[l]?.[k] ?? NaN) - slope), `${reduction}, layer ${l} at ${k}`).toBeLessThanOrEqual(most);
          if (x[k] !== y[k]) expect(Math.abs(slope)).toBeGreaterThan(scale / 2);
        }
      }
    }
  });

  it.each([
    ["number[]", Array.from],
    ["Float32Array", (weights: number[]) => new Float32Array(weights)],
    ["Float64Array", (weights: number[]) => new Float64Array(weights)],
  ])("takes its weights from a %s, each number as it is", (_, make) => {
    const weights = [0.1, 1 / 3, 7, 1];
    const given = make(weights);
    const expected = perceptual.valueGradHess(features, targetFeatures, { layerWeights: Array.from(given) });
    expect(expected.value).toBe(summed(Array.from(given), "mean"));
    const got = perceptual.valueGradHess(features, targetFeatures, { layerWeights: given });
    expect(got.value).toBe(expected.value);
    expectLayers(got.grad, expected.grad, "grad");
  });

  it("leaves a layer of weight 0 out, even where it holds what is no number", () => {
    const [first, second] = [features[0] ?? new Type(0), targetFeatures[0] ?? new Type(0)];
    const spoilt = Type.of(NaN, Infinity, -Infinity, 1, 2);
    const layerWeights = [0, 2, 0];
    for (const reduction of reductions) {
      const alone = perceptual.valueGradHess([first], [second], { layerWeights: [2], reduction });
      const got = perceptual.valueGradHess([spoilt, first, new Type(0)], [second, second, new Type(0)], {
        layerWeights,
        reduction,
      });
      const blank = new Type(5);
      const within = (layers: readonly Floats[]) => [blank, ...layers, new Type(0)];
      if (typeof alone.value === "number") expect(got.value).toBe(alone.value);
      else expectLayers(got.value, within(alone.value), `${reduction} value`);
      expectLayers(got.grad, within(alone.grad), `${reduction} grad`);
      expectLayers(got.hess, within(alone.hess), `${reduction} hess`);
      const { grad } = perceptual.valueAndGrad([spoilt], [second], { layerWeights: [-0], reduction });
      expectLayers(grad, [blank], reduction);
    }
    expect(perceptual([spoilt], [second], { layerWeights: [0] })).toBe(0);
    expect(perceptual([spoilt], [second], { layerWeights: [2 ** -1074] })).toBe(NaN);
  });

  it("has no mean of a layer without elements, but a sum", () => {
    const [x, y] = [features[0] ?? new Type(0), targetFeatures[0] ?? new Type(0)];
    const empty = new Type(0);
    const got = perceptual.valueGradHess([x, empty], [y, empty]);
    expect(got.value).toBe(NaN);
    expectLayers(got.grad, [mae.grad(x, y), empty], "grad");
    expect(perceptual([x, empty], [y, empty], { reduction: "sum" })).toBe(mae(x, y, { reduction: "sum" }));
    const each = perceptual([x, empty], [y, empty], { reduction: "none" });
    expectLayers(each, [mae(x, y, { reduction: "none" }), empty], "none");
  });

  it("takes infinite features, and keeps a NaN in its place", () => {
    const x = Type.of(Infinity, -Infinity, Infinity, NaN, 3, 1);
    const y = Type.of(0, 5, Infinity, 2, NaN, 4);
    const other = pairs[0] ?? { x, y };
    const layers = perceptual.valueGradHess([x, other.x], [y, other.y], { layerWeights: [2, 1], reduction: "none" });
    const alone = perceptual.valueGradHess([other.x], [other.y], { reduction: "none" });
    expectLayers(layers.value, [Type.of(Infinity, Infinity, NaN, NaN, NaN, 6), ...alone.value], "value");
    expectLayers(layers.grad, [Type.of(2, -2, NaN, NaN, NaN, -2), ...alone.grad], "grad");
    expectLayers(layers.hess, [Type.of(0, 0, NaN, NaN, NaN, 0), ...alone.hess], "hess");
    expect(perceptual([x, other.x], [y, other.y])).toBe(NaN);
    expect(perceptual([x.subarray(0, 2), other.x], [y.subarray(0, 2), other.y])).toBe(Infinity);
  });

  it("is what its layers are one by one, in any order", () => {
    const layer = fc.record({ n: fc.integer({ min: 1, max: 40 }), seed: fc.nat(), weight: fc.nat({ max: 64 }) });
    fc.assert(
      fc.property(
        fc.array(layer, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(...reductions),
        (layers, reduction) => {
          const drawn = layers.map(({ n, seed }) => drawFeatures(Type, [n], seed));
          const layerWeights = layers.map(({ weight }) => weight / 8);
          const all = perceptual.valueGradHess(
            drawn.flatMap(({ features }) => features),
            drawn.flatMap(({ targetFeatures }) => targetFeatures),
            { layerWeights, reduction },
          );
          const alone = drawn.map(({ features, targetFeatures }, l) =>
            perceptual.valueGradHess(features, targetFeatures, { layerWeights: [layerWeights[l] ?? NaN], reduction }),
          );
          expectLayers(
            all.grad,
            alone.flatMap(({ grad }) => grad),
            "grad",
          );
          expectLayers(
            all.hess,
            alone.flatMap(({ hess }) => hess),
            "hess",
          );
          if (typeof all.value === "number") {
            expect(all.value).toBe(alone.reduce((sum, { value }) => sum + Number(value), 0));
          } else {
            expectLayers(
              all.value,
              alone.flatMap(({ value }) => (typeof value === "number" ? [] : value)),
              "value",
            );
          }
        },
      ),
      { seed: 1 },
    );
  });

  it("writes into the caller's buffers, and into those only that were asked for", () => {
    for (const layerWeights of [undefined, [0, 1, 0.5, 0]]) {
      for (const reduction of reductions) {
        const options = { layerWeights, reduction };
        const expected = perceptual.valueGradHess(features, targetFeatures, options);
        const sevens = () => features.map((layer) => fill(Type, layer.length, () => 7));
        const untouched = sevens();
        const value = reduction === "none" ? sevens() : undefined;
        const out = { value, grad: sevens(), hess: sevens() };

        const plain = perceptual(features, targetFeatures, { ...options, out });
        if (value) expect(areSame(plain, value)).toBe(true);
        expectLayers(out.grad, untouched, "grad, unasked");
        expectLayers(out.hess, untouched, "hess, unasked");

        value?.forEach((layer) => {
          layer.fill(7);
        });
        expect(areSame(perceptual.grad(features, targetFeatures, { ...options, out }), out.grad)).toBe(true);
        expectLayers(out.grad, expected.grad, "grad");
        expectLayers(out.hess, untouched, "hess, unasked");
        if (value) expectLayers(value, untouched, "value, unasked");

        const got = perceptual.valueGradHess(features, targetFeatures, { ...options, out });
        expect(areSame(got.grad, out.grad)).toBe(true);
        expect(areSame(got.hess, out.hess)).toBe(true);
        if (value) expect(areSame(got.value, value)).toBe(true);
        if (typeof expected.value === "number") expect(got.value).toBe(expected.value);
        else expectLayers(got.value, expected.value, "value");
        expectLayers(got.grad, expected.grad, "grad");
        expectLayers(got.hess, expected.hess, "hess");
      }
    }
  });

  it("puts the gradients in the features' place", () => {
    for (const layerWeights of [undefined, [0, 1, 0.5, 2]]) {
      for (const reduction of reductions) {
        const options = { layerWeights, reduction };
        const expected = perceptual.valueGradHess(features, targetFeatures, options);
        const places = features.map((layer) => layer.slice());
        perceptual(places, targetFeatures, { ...options, out: { grad: places } });
        expectLayers(places, features, "the value alone");
        const got = perceptual.valueGradHess(places, targetFeatures, { ...options, out: { grad: places } });
        expect(areSame(got.grad, places)).toBe(true);
        expectLayers(places, expected.grad, "grad");
        if (typeof expected.value === "number") expect(got.value).toBe(expected.value);
        else expectLayers(got.value, expected.value, "value");
      }
    }
  });
});

/** Whether the very same arrays came back. */
function areSame(got: number | readonly Floats[], given: readonly Floats[]): boolean {
  return typeof got !== "number" && got.length === given.length && got.every((array, l) => array === given[l]);
}

describe.each(Object.entries(imageImplementations))("%s", (_, { perceptual, mae }) => {
  it("takes layers of either type side by side", () => {
    const [single, double] = types.map((Type) => drawFeatures(Type, [67, 5], 3));
    if (!single || !double) throw new Error("two types");
    const features = [...single.features, ...double.features];
    const targets = [...single.targetFeatures, ...double.targetFeatures];
    const { value, grad, hess } = perceptual.valueGradHess(features, targets);
    expect(value).toBe(features.reduce((sum, x, l) => sum + mae(x, targets[l] ?? x), 0));
    for (const arrays of [grad, hess]) {
      expect(arrays.map((array) => array.constructor.name)).toEqual(features.map((array) => array.constructor.name));
    }
    expectLayers(
      grad,
      features.map((x, l) => mae.grad(x, targets[l] ?? x)),
      "grad",
    );
  });

  it("agrees in either type where all differences and sums are exact", () => {
    const { features, targetFeatures } = drawFeatures(Float32Array, [2048, 64], 4);
    const wide = (layers: readonly Floats[]) => layers.map((layer) => Float64Array.from(layer));
    expectValue(
      perceptual(features, targetFeatures, { layerWeights: [0.1, 3] }),
      perceptual(wide(features), wide(targetFeatures), { layerWeights: [0.1, 3] }),
    );
  });
});
