/** The golden values of images: SSIM, its gradient, and PSNR of distorted photographs. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fill } from "../random.js";
import type { Shape } from "./implementations.js";
import { imageSuites, largest, show, sizeOf } from "./implementations.js";

interface Case extends Shape {
  readonly photograph: string;
  readonly distortion: string;
  readonly peak: number;
  /** What the pixels are multiples of. */
  readonly unit: number;
  readonly prediction: readonly number[];
  readonly target: readonly number[];
  /** Of scikit-image. */
  readonly scikit: { readonly ssim: number; readonly psnr: number | "Infinity" };
  readonly ssim: number;
  /** The gradient's entries at 0, `every`, 2 `every` … */
  readonly grad: readonly number[];
  readonly every: number;
  /** Of all entries of the gradient. */
  readonly sum: number;
}

/** The file is written by golden/images.py, with nothing else in it. */
function isCases(cases: unknown): cases is readonly Case[] {
  return Array.isArray(cases) && cases.length > 0;
}

function readCases(): readonly (Case & { readonly shape: string })[] {
  const cases: unknown = JSON.parse(readFileSync(new URL("../golden/images.json", import.meta.url), "utf8"));
  if (!isCases(cases)) throw new Error("images.json holds no cases");
  return cases.map((golden) => ({ ...golden, shape: show(golden) }));
}

// The reference takes each window from the pixel in its middle on, the kernel variances from sums of squares: the former is off by
// 2e-16 and 2e-15 at most, the latter by 3e-15 and 2e-13.
const most = { reference: { value: 1e-15, grad: 1e-14 }, wasm: { value: 1e-14, grad: 1e-12 } };

describe.each(imageSuites)("$title", ({ implementation, losses: { psnr, ssim }, Type }) => {
  it.each(readCases())("$photograph, $distortion, $shape", (golden) => {
    const { width, height, channels, images, peak, unit, every } = golden;
    const pixels = (integers: readonly number[]) =>
      fill(Type, sizeOf(golden), (k) => unit * (integers[k] ?? Number.NaN));
    const [prediction, target] = [pixels(golden.prediction), pixels(golden.target)];
    const { value, grad } = ssim.valueAndGrad(prediction, target, { width, height, channels, images, peak });

    expect(Math.abs(value - golden.ssim)).toBeLessThan(most[implementation].value);
    // scikit-image takes squares of means from means of squares, and is itself off by up to 5e-14.
    expect(Math.abs(value - golden.scikit.ssim)).toBeLessThan(1e-13);

    const close = most[implementation].grad;
    const size = largest(grad);
    const rounding = Type === Float32Array ? 2 ** -24 : 0;
    const wrong = golden.grad.flatMap((right, at) => {
      const got = grad[at * every] ?? Number.NaN;
      const holds = Math.abs(got - right) <= close * size + rounding * Math.abs(right);
      return holds ? [] : [`${got} at ${at * every}, expected ${right}`];
    });
    expect(wrong, "entries of the gradient").toEqual([]);
    let [sum, sizes] = [0, 0];
    for (const entry of grad) [sum, sizes] = [sum + entry, sizes + Math.abs(entry)];
    expect(Math.abs(sum - golden.sum), "sum of the gradient").toBeLessThanOrEqual((close + rounding) * sizes);

    const decibels = psnr(prediction, target, { peak });
    const right = Number(golden.scikit.psnr);
    expect(decibels === right || Math.abs(decibels - right) <= 1e-12, `${decibels} dB, expected ${right}`).toBe(true);
  });
});
