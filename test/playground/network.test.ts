import { mse } from "simdloss";
import { expect, it } from "vitest";
import { seeded } from "../../examples/random.js";
import { Network } from "../../playground/network.js";

const random = seeded(7);
const rows = 5;
const input = Float32Array.from({ length: rows * 3 }, () => random() - 0.5);
const target = Float32Array.from({ length: rows * 2 }, random);

it.each(["linear", "sigmoid"] as const)("has the gradient of its weights, %s", (last) => {
  const network = new Network({ sizes: [3, 4, 2], last, bias: 0.5, seed: 3 });
  network.backward(mse.grad(network.forward(input, rows), target));
  const h = 2 ** -6;
  for (const { weights, gradient } of network.layers) {
    for (const [k, weight] of weights.entries()) {
      const at = (other: number): number => {
        weights[k] = other;
        return mse(Float64Array.from(network.forward(input, rows)), Float64Array.from(target));
      };
      const slope = (8 * (at(weight + h) - at(weight - h)) - (at(weight + 2 * h) - at(weight - 2 * h))) / (12 * h);
      weights[k] = weight;
      // Outputs are rounded to 2⁻²⁴, which the difference divides by 12h/18; what the rule of four points leaves out is of the order of h⁴.
      expect(Math.abs(slope - (gradient[k] ?? Number.NaN))).toBeLessThan(2e-6);
    }
  }
});

it("steps by the rate at first, against the gradient: Adam", () => {
  const network = new Network({ sizes: [3, 4, 2], last: "linear", seed: 3 });
  network.backward(mse.grad(network.forward(input, rows), target));
  const before = network.layers.map(({ weights }) => weights.slice());
  network.step(0.01);
  for (const [place, { weights, gradient }] of network.layers.entries()) {
    for (const [k, weight] of weights.entries()) {
      const moved = weight - (before[place]?.[k] ?? Number.NaN);
      expect(moved).toBeCloseTo(-0.01 * Math.sign(gradient[k] ?? 0), 5);
    }
  }
});

it("learns", () => {
  const network = new Network({ sizes: [3, 8, 2], last: "linear", seed: 1 });
  const first = mse(network.forward(input, rows), target);
  for (let k = 0; k < 500; k++) {
    network.backward(mse.grad(network.forward(input, rows), target));
    network.step(0.02);
  }
  expect(mse(network.forward(input, rows), target)).toBeLessThan(first / 100);
});

it("may be given other numbers of rows in turn", () => {
  const network = new Network({ sizes: [3, 4, 2], last: "linear", seed: 3 });
  const all = network.forward(input, rows).slice();
  expect(network.forward(input.slice(0, 3), 1)).toEqual(all.slice(0, 2));
  expect(network.forward(input, rows)).toEqual(all);
  expect(() => new Network({ sizes: [3, 2], last: "linear", seed: 3 }).backward(new Float32Array(2))).toThrow(
    "backward comes after forward",
  );
});
