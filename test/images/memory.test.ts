/** What calls on images and features take of memory: nothing of the arrays' size where the outputs are given, and no hold of the arrays. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { types } from "../implementations.js";
import { bytesOf, collector, watchMemories } from "../memories.js";
import { drawFeatures, drawImages, type ImageLosses, imageSuites, shapeOf, show, sizeOf } from "./implementations.js";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.resetModules();
});

/** The kernels, instantiated anew, so that they see what stands in for the globals. */
async function load(): Promise<ImageLosses> {
  vi.resetModules();
  return import("../../src/index.js");
}

describe("the wasm memory", () => {
  it("is the same for any number of rows, images, or features", async () => {
    const memories = watchMemories();
    const { perceptual, psnr, ssim } = await load();
    const run = (height: number, images: number) => {
      for (const Type of types) {
        const { prediction, target, shape } = drawImages(Type, shapeOf(60, height, 3, images));
        ssim.valueAndGrad(prediction, target, shape);
        perceptual.valueGradHess([prediction], [target]);
        psnr(prediction, target);
      }
      return memories.made();
    };
    expect(run(11, 1).length).toBeGreaterThan(0);
    expect(run(700, 1)).toEqual([]);
    expect(run(45, 10)).toEqual([]);
    expect(run(11, 1)).toEqual([]);
    memories.expectStill();
  });

  it("is another one for rows that it has no room for, and none of them grows", async () => {
    const memories = watchMemories();
    const { ssim } = await load();
    const run = (width: number, channels: number) => {
      for (const Type of types) {
        const { prediction, target, shape } = drawImages(Type, shapeOf(width, 12, channels));
        ssim.valueAndGrad(prediction, target, shape);
      }
      return memories.made();
    };
    const first = run(2000, 3);
    expect(first.length).toBeGreaterThan(0);
    expect(run(2000, 3)).toEqual([]);
    expect(run(6000, 1)).toEqual([]);
    expect(run(11, 1)).toEqual([]);
    const second = run(12_000, 1);
    expect(second).toHaveLength(1);
    expect(bytesOf(second)).toBeGreaterThan(bytesOf(first.slice(-1)));
    expect(run(2000, 3)).toEqual([]);
    memories.expectStill();
  });
});

it.each([shapeOf(11, 11), shapeOf(40, 33, 3), shapeOf(24, 90, 2, 2)])(
  "calls of one shape with out given make no array of the image's size: $images × $height × $width × $channels",
  async (shape) => {
    const weights = Float64Array.of(0, 1);
    let elements = 0;
    const counting = <A extends typeof Float32Array | typeof Float64Array>(Type: A): A =>
      new Proxy(Type, {
        construct(target, values, as) {
          const made = Reflect.construct(target, values, as);
          // A view of somebody's memory is no memory.
          if (!(values[0] instanceof ArrayBuffer)) elements += made.length;
          return made;
        },
      });
    const data = types.map((Type) => {
      const { prediction, target } = drawImages(Type, shape);
      const blank = () => [new Type(prediction.length), new Type(5)];
      const { features, targetFeatures } = drawFeatures(Type, [prediction.length, 5]);
      const out = { value: blank(), grad: blank(), hess: blank() };
      return { prediction, target, grad: new Type(prediction.length), features, targetFeatures, out };
    });
    for (const Type of types) {
      vi.stubGlobal(Type.name, counting(Type));
      const original = Type.prototype.slice;
      vi.spyOn(Type.prototype, "slice").mockImplementation(function (this: Float32Array & Float64Array, ...range) {
        elements++;
        return Reflect.apply(original, this, range);
      });
    }
    const { perceptual, psnr, ssim } = await load();
    for (const { prediction, target, grad, features, targetFeatures, out } of data) {
      const call = () => {
        ssim.valueAndGrad(prediction, target, { ...shape, out: { grad } });
        ssim.grad(prediction, target, { ...shape, out: { grad } });
        ssim(prediction, target, shape);
        psnr(prediction, target);
        for (const layerWeights of [undefined, weights]) {
          perceptual.valueGradHess(features, targetFeatures, { layerWeights, reduction: "none", out });
          perceptual.grad(features, targetFeatures, { layerWeights, out: { grad: out.grad } });
          perceptual(features, targetFeatures, { layerWeights });
        }
      };
      call();
      const before = elements;
      for (let k = 0; k < 5; k++) call();
      expect(elements - before, show(shape)).toBe(0);
      ssim.grad(prediction, target, shape);
      expect(elements - before).toBeGreaterThanOrEqual(sizeOf(shape));
    }
  },
);

describe.each(imageSuites)("$title", ({ losses: { perceptual, psnr, ssim }, Type }) => {
  const collect = collector();

  it("calls keep no hold of the caller's arrays", async () => {
    const held: WeakRef<object>[] = [];
    (() => {
      const { prediction, target, shape } = drawImages(Type, shapeOf(40, 45, 3));
      const grad = new Type(prediction.length);
      ssim.valueAndGrad(prediction, target, { ...shape, out: { grad } });
      psnr(prediction, target);
      const layers = { grad: [new Type(prediction.length)], hess: [new Type(prediction.length)] };
      perceptual.valueGradHess([prediction], [target], { out: layers });
      perceptual.valueGradHess([prediction], [target], { layerWeights: [0], out: layers });
      const own = ssim.grad(prediction, target, shape);
      for (const array of [prediction, target, grad, own, ...layers.grad, ...layers.hess])
        held.push(new WeakRef(array));
    })();
    const isKept = () => held.some((ref) => ref.deref() !== undefined);
    // The compiler of the machine code may hold an array while it is at work.
    for (let k = 0; k === 0 || (k < 10 && isKept()); k++) {
      await new Promise((done) => setTimeout(done, k));
      collect();
    }
    expect(isKept()).toBe(false);
  });
});
