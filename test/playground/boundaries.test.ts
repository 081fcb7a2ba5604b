import * as losses from "simdloss/reference";
import { describe, expect, it } from "vitest";
import { count, drawData, grid, window } from "../../playground/boundaries/data.js";
import { History } from "../../playground/boundaries/history.js";
import { Learner, names } from "../../playground/boundaries/learner.js";

const settings = { gamma: 2, alpha: 0.75, smoothing: 0, rate: 0.01 };

it.each([0.01, 0.1, 0.5])("draws as many of the rare class as it is told, %d", (share) => {
  const { points, labels } = drawData({ share, noise: 0, seed: 5 });
  expect(labels.reduce((sum, label) => sum + label, 0)).toBe(share * count);
  for (const [k, label] of labels.entries()) {
    const [x = 0, y = 0] = points.subarray(2 * k, 2 * k + 2);
    // Without noise, they lie on half circles about (0, 0) and (1, ½).
    const radius = label === 1 ? Math.hypot(x - 1, y - 0.5) : Math.hypot(x, y);
    expect(radius).toBeCloseTo(1, 6);
    expect(label === 1 ? y <= 0.5 : y >= 0).toBe(true);
  }
});

it("covers the window with the grid, from the lower left", () => {
  const cells = grid(5, 4);
  expect([...cells.slice(0, 2)]).toEqual([-1.5, -1.25]);
  expect([...cells.slice(-2)]).toEqual([2.5, 1.75]);
  expect(window.x[1] - window.x[0]).toBe(5);
});

describe.each(names)("%s", (name) => {
  it("learns, and finds the rare class where it is", () => {
    const data = drawData({ share: 0.3, noise: 0.1, seed: 2 });
    const learner = new Learner(name, losses, data, 1);
    const first = learner.loss(settings);
    for (let k = 0; k < 150; k++) learner.step(settings);
    expect(learner.steps).toBe(150);
    expect(learner.loss(settings)).toBeLessThan(first / 4);
    const { recall, precision, accuracy } = learner.scores();
    for (const score of [recall, precision, accuracy]) expect(score).toBeGreaterThan(0.9);
    const [rare = 0, common = 1] = learner.probabilities(Float32Array.of(1, -0.5, 0, 1));
    expect(rare).toBeGreaterThan(0.5);
    expect(common).toBeLessThan(0.5);
  });
});

it("has for KL the loss of bce but for the entropy of the targets, where two logits stand for one", () => {
  const logits = Float64Array.of(-2, 0.5, 3);
  const rows = Float64Array.of(0, -2, 0, 0.5, 0, 3);
  for (const rare of [1, 0.95]) {
    const bce = losses.bceWithLogits.valueAndGrad(logits, Float64Array.of(rare, rare, rare));
    const kl = losses.klDivergenceWithLogits.valueAndGrad(
      rows,
      rows.map((_, k) => (k % 2 === 1 ? rare : 1 - rare)),
      { classes: 2 },
    );
    const entropy = rare === 1 ? 0 : -rare * Math.log(rare) - (1 - rare) * Math.log(1 - rare);
    expect(kl.value + entropy).toBeCloseTo(bce.value, 12);
    expect([...kl.grad.filter((_, k) => k % 2 === 1)].map((g) => g.toFixed(12))).toEqual(
      [...bce.grad].map((g) => g.toFixed(12)),
    );
  }
});

it("keeps of a long history what can be seen", () => {
  const history = new History();
  for (let step = 0; step < 10_000; step++) history.add(step, -step);
  expect(history.past.length).toBeGreaterThan(200);
  expect(history.past.length).toBeLessThanOrEqual(400);
  const gaps = history.past.slice(1).map(({ step }, k) => step - (history.past[k]?.step ?? 0));
  expect(new Set(gaps).size).toBe(1);
  expect(history.past.every(({ step, value }) => value === -step)).toBe(true);
});
