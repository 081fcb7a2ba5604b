/** The peak signal-to-noise ratio: its scale in decibels, its ends, and what it has to do with `mse`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactSum } from "../bits.js";
import type { Floats } from "../implementations.js";
import { fill } from "../random.js";
import { at, drawImages, imageSuites, shapeOf } from "./implementations.js";

describe.each(imageSuites)("$title", ({ losses: { psnr, mse, mergeTotals }, Type }) => {
  const single = Type === Float32Array;
  const { prediction, target } = drawImages(Type, shapeOf(67, 31, 3));
  /** In dB. A relative error d of the mean square is 4.34 d: of f32 squares that are added in pairs, 2⁻²³. */
  const close = single ? 1e-6 : 1e-11;

  function expectClose(got: number, exact: number, what = ""): void {
    expect(Math.abs(got - exact), `${what} ${got} is not ${exact}`).toBeLessThanOrEqual(close);
  }

  it("is 10 log10(peak²/mse)", () => {
    expect(psnr([0.1, 0.9], [0, 1])).toBe(20);
    expect(psnr(Type.of(1, -1, 1), Type.of(0, 0, 0))).toBe(0);
    expectClose(psnr(Type.of(0, 3), Type.of(4, 0), { peak: 255 }), 10 * Math.log10(255 ** 2 / 12.5));
    const squares = Array.from(prediction, (x, k) => (x - (target[k] ?? NaN)) ** 2);
    const mean = exactSum(squares) / squares.length;
    for (const peak of [1e-3, 0.5, 1, 2, 255, 65_535]) {
      expectClose(psnr(prediction, target, { peak }), 10 * Math.log10(peak ** 2 / mean), `peak ${peak}`);
    }
    expect(psnr(prediction, target, { peak: undefined })).toBe(psnr(prediction, target, { peak: 1 }));
    expect(psnr(prediction, target)).toBe(psnr(prediction, target, { peak: 1 }));
  });

  it("knows nothing of units, and counts 20 dB for an error of a tenth", () => {
    const bytes = (array: Floats, factor: number) => array.map((x) => Math.round(x * 255) * factor);
    const [x, y] = [bytes(prediction, 1), bytes(target, 1)];
    expectClose(psnr(bytes(prediction, 256), bytes(target, 256), { peak: 256 * 255 }), psnr(x, y, { peak: 255 }));
    expectClose(psnr(x, y, { peak: 2550 }), psnr(x, y, { peak: 255 }) + 20);
  });

  it("is infinite for identical images", () => {
    expect(psnr(target, target)).toBe(Infinity);
    expect(psnr(target, target.slice(), { peak: 255 })).toBe(Infinity);
    expect(psnr.fromTotal(mse.total(target, target.slice()))).toBe(Infinity);
    const [x, y] = [target, target.slice()];
    y[at(shapeOf(67, 31, 3), 30, 66, 2)] = 2;
    expect(psnr(x, y)).toBeLessThan(100);
  });

  it("of a total is that of all pixels in it", () => {
    const pieces = fc.array(fc.nat({ max: prediction.length }), { maxLength: 6 });
    fc.assert(
      fc.property(pieces, fc.constantFrom(1, 255, 1e-3), (cuts, peak) => {
        const ends = [0, ...cuts.sort((a, b) => a - b), prediction.length];
        const totals = ends
          .slice(1)
          .map((end, k) => mse.total(prediction.subarray(ends[k], end), target.subarray(ends[k], end)));
        expectClose(psnr.fromTotal(mergeTotals(...totals), { peak }), psnr(prediction, target, { peak }));
      }),
      { seed: 1 },
    );
    expect(psnr.fromTotal({ sum: 1, weight: 100 })).toBe(20);
    expect(psnr.fromTotal({ sum: 1, weight: 100 }, { peak: 10 })).toBe(40);
  });

  it("is the same for either image as the prediction", () => {
    expect(psnr(target, prediction)).toBe(psnr(prediction, target));
  });

  it("loses nothing of squares that overflow or vanish", () => {
    // The least root mean square is a normal number; what is less has fewer digits.
    const exponents = single ? [-149, -140, -80, -64, 64, 100, 120] : [-1022, -600, -512, 512, 900, 1020];
    for (const exponent of exponents) {
      const unit = 2 ** exponent;
      const times = (...numbers: readonly number[]) => fill(Type, 4, (k) => (numbers[k] ?? NaN) * unit);
      // √((1 + 9 + 0 + 4) / 4) units.
      const [x, y] = [times(1, 3, 0, 7), times(2, 0, 0, 5)];
      expectClose(psnr(x, y, { peak: unit }), -10 * Math.log10(3.5), `2^${exponent}`);
      expectClose(psnr(x, y), -10 * Math.log10(3.5) - 20 * exponent * Math.log10(2), `2^${exponent}`);
    }
    const least = 2 ** (single ? -149 : -1074);
    expectClose(psnr(Type.of(least), Type.of(0)), -20 * Math.log10(least), "the least number");
    expectClose(psnr(Type.of(least), Type.of(0), { peak: least }), 0, "the least number");
    // Peaks beyond float32, too: they are no element.
    expectClose(psnr(Type.of(1, 1), Type.of(0, 2), { peak: 1e300 }), 6000);
    expectClose(psnr(Type.of(1, 1), Type.of(0, 2), { peak: 1e-300 }), -6000);
  });

  it("is NaN where a pixel is, minus infinity where one is infinite, and NaN of no pixels", () => {
    for (const k of [0, 66, prediction.length - 1]) {
      for (const [bad, expected] of [
        [NaN, NaN],
        [Infinity, -Infinity],
        [-Infinity, -Infinity],
      ] as const) {
        const spoilt = prediction.slice();
        spoilt[k] = bad;
        expect(psnr(spoilt, target)).toBe(expected);
        expect(psnr(target, spoilt)).toBe(expected);
      }
    }
    expect(psnr(Type.of(Infinity), Type.of(Infinity))).toBe(NaN);
    expect(psnr(new Type(0), new Type(0))).toBe(NaN);
    expect(psnr.fromTotal({ sum: 0, weight: 0 })).toBe(NaN);
    expect(psnr.fromTotal(mse.total(new Type(0), new Type(0)))).toBe(NaN);
  });

  it("falls as the error grows", () => {
    let last = Infinity;
    for (const error of [2 ** -20, 2 ** -10, 0.1, 0.5, 1, 10]) {
      const value = psnr(
        target,
        fill(Type, target.length, (k) => (target[k] ?? NaN) + error),
      );
      expect(value).toBeLessThan(last);
      last = value;
    }
  });
});
