/** Images and features in an arena: the bits are those of ordinary arrays, and no byte but the outputs' is written. */
import { describe, expect, it } from "vitest";
import { mae, perceptual, psnr, ssim } from "../../src/index.js";
import { expectBits, expectValue } from "../bits.js";
import { drawFeatures, drawImages, shapeOf } from "../images/implementations.js";
import { type Floats, types } from "../implementations.js";
import { Ground } from "./ground.js";

describe.each(types.map((Type) => ({ Type, title: Type.name })))("$title", ({ Type }) => {
  const ground = new Ground(2 ** 20);

  it.each([shapeOf(11, 11), shapeOf(40, 33, 3), shapeOf(24, 90, 2, 2)])(
    "ssim and psnr: $images × $height × $width × $channels",
    (shape) => {
      const { prediction, target } = drawImages(Type, shape);
      const expected = ssim.valueAndGrad(prediction, target, shape);
      ground.arena.reset();
      const [x, y, grad] = [ground.put(prediction, 1), ground.put(target, 2), ground.put(target, 3)];
      const places = [
        { x, y, grad },
        { x: prediction, y, grad },
        { x, y: target, grad },
        { x, y, grad: new Type(x.length) },
        { x, y, grad: x },
      ];
      for (const { x, y, grad } of places) {
        expect(ground.watch([], () => ssim(x, y, shape), "ssim")).toBe(expected.value);
        expect(ground.watch([], () => psnr(x, y), "psnr")).toBe(psnr(prediction, target));
        const got = ground.watch([grad], () => ssim.valueAndGrad(x, y, { ...shape, out: { grad } }), "gradient");
        expect(got.value).toBe(expected.value);
        expect(got.grad).toBe(grad);
        expectBits(grad, expected.grad);
      }
    },
  );

  it("perceptual", () => {
    const sizes = [67, 1, 5000, 0, 2048];
    const { features, targetFeatures } = drawFeatures(Type, sizes);
    const layerWeights = [1, 0.5, 0, 2, 3];
    for (const reduction of ["mean", "sum", "none"] as const) {
      const expected = perceptual.valueGradHess(features, targetFeatures, { layerWeights, reduction });
      // All layers in the arena, every other one, with gradients in the features' places.
      for (const where of ["all", "some", "in place"] as const) {
        ground.arena.reset();
        const put = (array: Floats, l: number) =>
          where === "some" && l % 2 === 1 ? array.slice() : ground.put(array, l);
        const x = features.map(put);
        const y = targetFeatures.map((array, l) => put(array, l + 1));
        const blank = () => sizes.map((n, l) => put(new Type(n), l + 2));
        const grad = where === "in place" ? x : blank();
        const hess = blank();
        const value = reduction === "none" ? blank() : undefined;
        const outs = [...grad, ...hess, ...(value ?? [])];
        const options = { layerWeights, reduction, out: { value, grad, hess } };
        const what = `${reduction}, ${where}`;
        const got = ground.watch(outs, () => perceptual.valueGradHess(x, y, options), what);
        sizes.forEach((_, l) => {
          expectBits(got.grad[l] ?? new Type(), expected.grad[l] ?? new Type(), `${what}, layer ${l}`);
          expectBits(got.hess[l] ?? new Type(), expected.hess[l] ?? new Type(), `${what}, layer ${l}`);
          const [found, right] = [got.value, expected.value].map((value) =>
            typeof value === "number" ? value : (value[l] ?? new Type()),
          );
          expectValue(found ?? NaN, right ?? NaN, `${what}, layer ${l}`);
        });
      }
    }
  });

  it("a loss of elements after images, and images after it", () => {
    const shape = shapeOf(40, 33, 3);
    const { prediction, target } = drawImages(Type, shape);
    ground.arena.reset();
    const [x, y] = [ground.put(prediction), ground.put(target)];
    const [first, second] = [mae(prediction, target), ssim(prediction, target, shape)];
    for (let k = 0; k < 3; k++) {
      expect(mae(x, y)).toBe(first);
      expect(ssim(x, y, shape)).toBe(second);
    }
  });
});
