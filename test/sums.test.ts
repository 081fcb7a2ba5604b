/** Sums of many numbers of mixed magnitude against exact ones. */
import { describe, expect, it } from "vitest";
import { exactSum } from "./bits.js";
import { implementations, types } from "./implementations.js";
import { fill, random } from "./random.js";

const N = 1_000_003;

const suites = Object.entries(implementations).flatMap(([implementation, losses]) =>
  types.map((Type) => ({ title: `${implementation} ${Type.name}`, losses, Type })),
);

describe.each(suites)("$title", ({ losses, Type }) => {
  const close = Type === Float32Array ? 1e-7 : 1e-15;
  const draw = random(31);
  /** Magnitudes from 2⁻³⁰ to 2³⁰, most of them small. */
  const mixed = fill(Type, N, () => (draw() - 0.5) * 2 ** (60 * draw() ** 2 - 30));
  const weights = fill(Type, N, () => (draw() < 0.1 ? 0 : 2 ** (40 * draw() - 20)));
  const nothing = new Type(N);
  const near = (got: number, right: number) => expect(Math.abs(got / right - 1)).toBeLessThanOrEqual(close);

  it("of losses that are exact: Σ|e|", () => {
    const right = exactSum(mixed.map(Math.abs));
    near(losses.mae.total(mixed, nothing).sum, right);
    near(losses.mae(mixed, nothing, { reduction: "sum" }), right);
    near(losses.mae(mixed, nothing), right / N);
    near(losses.mae.valueAndGrad(mixed, nothing, { reduction: "sum" }).value, right);
  });

  it("of weighted losses: Σw|e|, Σw", () => {
    const right = exactSum(Float64Array.from(mixed, (e, k) => Math.abs(e) * (weights[k] ?? NaN)));
    const total = losses.mae.total(mixed, nothing, { weights });
    near(total.sum, right);
    expect(Math.abs(total.weight / exactSum(weights) - 1)).toBeLessThanOrEqual(1e-15);
    near(losses.mae(mixed, nothing, { weights }), right / exactSum(weights));
  });

  it("of squares and their root", () => {
    const right = exactSum(Float64Array.from(mixed, (e) => e * e));
    near(losses.mse.total(mixed, nothing).sum, right);
    near(losses.rmse(mixed, nothing) ** 2, right / N);
    near(losses.rmse.total(mixed, nothing).sum, right);
  });

  it.each([44, 45, 46, 47, 48, 49, 50, 51])(
    "of one number again and again, rounded to one side each time: 1 + 2^-%i",
    (p) => {
      const x = fill(Type, N, () => 1 + 2 ** -p);
      near(losses.mae.total(x, nothing).sum, N * (x[0] ?? NaN));
    },
  );

  it("of numbers whose sums by twos and by fours are all rounded to one side", () => {
    // Sixteen at a time: four vectors, of which the second, third and fourth lie just beyond half a unit of what they meet.
    const sides = Type === Float32Array ? [1, 2 ** -24 * 1.01, 2 ** -24 * 1.02, 2 ** -49] : [1, 2 ** -53 * 1.01, 0, 0];
    const x = fill(Type, N - 3, (k) => sides[Math.floor(k / 4) % 4] ?? NaN);
    near(losses.mae.total(x, new Type(N - 3)).sum, exactSum(x));
  });

  it("of a large number and many small ones, wherever it stands", () => {
    const small = Type === Float32Array ? 2 ** -20 : 2 ** -40;
    const large = Type === Float32Array ? 2 ** 20 : 2 ** 40;
    for (const at of [0, 1, 511, 512, 16_384, N - 1]) {
      const x = fill(Type, N, (k) => (k === at ? large : small));
      near(losses.mae.total(x, nothing).sum, large + (N - 1) * small);
    }
  });
});
