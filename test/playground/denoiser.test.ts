import * as losses from "simdloss/reference";
import { describe, expect, it } from "vitest";
import { digits } from "../../examples/mnist.js";
import { batchSize, Denoiser, likeness, names } from "../../playground/reconstruction/denoiser.js";
import { noisyOf, pixels } from "../../playground/reconstruction/digits.js";

const training = digits("train", 2 * batchSize);
const clean = digits("t10k", 16);
const noisy = noisyOf(clean, 0.6);

describe.each(names)("%s", (loss) => {
  it("restores digits that it has not seen", () => {
    const denoiser = new Denoiser(losses, training, { loss, noise: 0.6, seed: 1 });
    const untrained = likeness(losses, denoiser.restore(noisy), clean);
    const first = denoiser.step();
    let last = first;
    for (let step = 0; step < 60; step++) last = denoiser.step();
    expect(last).toBeLessThan(first);
    const before = likeness(losses, noisy, clean);
    const after = likeness(losses, denoiser.restore(noisy), clean);
    if (loss === "1 − ssim") expect(after.ssim).toBeGreaterThan(untrained.ssim + 0.1);
    else expect(after.psnr).toBeGreaterThan(before.psnr + 2);
  });
});

it("learns the same from the same seed, and other things from another", () => {
  const restored = (seed: number): Float32Array => {
    const denoiser = new Denoiser(losses, training, { loss: "mse", noise: 0.3, seed });
    for (let step = 0; step < 3; step++) denoiser.step();
    return denoiser.restore(noisy).slice();
  };
  expect(restored(4)).toEqual(restored(4));
  expect(restored(4)).not.toEqual(restored(5));
});

it("is judged by the mean squared error and by SSIM", () => {
  const { psnr, ssim } = likeness(losses, noisy, clean);
  const squares = noisy.reduce((sum, pixel, k) => sum + (pixel - (clean[k] ?? 0)) ** 2, 0) / noisy.length;
  expect(psnr).toBeCloseTo(-10 * Math.log10(squares), 5);
  expect(ssim).toBeGreaterThan(0.2);
  expect(likeness(losses, clean, clean)).toEqual({ psnr: Infinity, ssim: 1 });
});

it("adds noise of the deviation that it is told, within [0, 1]", () => {
  const grey = new Float32Array(100 * pixels).fill(0.5);
  const off = noisyOf(grey, 0.1).map((pixel) => pixel - 0.5);
  const deviation = Math.sqrt(off.reduce((sum, one) => sum + one * one, 0) / off.length);
  expect(deviation).toBeGreaterThan(0.0985); // four standard errors of 78,400 numbers are 1 %
  expect(deviation).toBeLessThan(0.1015);
  const loud = noisyOf(grey, 5);
  expect(Math.min(...loud)).toBe(0);
  expect(Math.max(...loud)).toBe(1);
});
