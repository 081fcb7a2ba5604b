import { charbonnier, huber, type Loss, logCosh, mae, mse } from "simdloss";
import { describe, expect, it } from "vitest";
import { apart, leastLine } from "../../playground/fit/fit.js";
import {
  count,
  drawPoints,
  heightOn,
  type Line,
  type Point,
  readMoved,
  truth,
  within,
  writeMoved,
} from "../../playground/fit/points.js";

const cases: readonly (readonly [string, Loss, Record<string, number>])[] = [
  ["mse", mse, {}],
  ["huber", huber, { delta: 0.7 }],
  ["logCosh", logCosh, {}],
  ["charbonnier", charbonnier, { epsilon: 0.05 }],
];
const draws = [1, 2, 3].flatMap((seed) => [0, 3, 8].map((outliers) => drawPoints({ seed, outliers, noise: 0.5 })));

/** Its slope there, by both: of a convex loss it is 0 at the least only. */
function slopes(loss: Loss, parameters: object, points: readonly Point[], line: Line): readonly number[] {
  const grad = loss.grad(
    points.map(({ x }) => heightOn(line, x)),
    points.map(({ y }) => y),
    parameters,
  );
  return [grad.reduce((sum, g) => sum + g, 0), grad.reduce((sum, g, k) => sum + g * (points[k]?.x ?? 0), 0)];
}

describe.each(cases)("%s", (_, loss, parameters) => {
  it.each(draws)("is least where its gradient is 0", (...points) => {
    // Sums of 24 terms of at most 17, of which half the digits of a residual over ε = 0.05 may be lost.
    for (const slope of slopes(loss, parameters, points, leastLine({ loss, parameters }, points)))
      expect(Math.abs(slope)).toBeLessThan(1e-8);
  });
});

it("gives for mse the line of the normal equations", () => {
  for (const points of draws) {
    const mean = (of: (point: Point) => number): number => points.reduce((sum, point) => sum + of(point), 0) / count;
    const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
    const slope = mean((point) => (point.x - x) * (point.y - y)) / mean((point) => (point.x - x) ** 2);
    const line = leastLine({ loss: mse, parameters: {} }, points);
    expect(line.slope).toBeCloseTo(slope, 9);
    expect(line.intercept).toBeCloseTo(y - slope * x, 9);
  }
});

it("gives for mae a line that none nearby is better than", () => {
  for (const points of draws) {
    const { value, ...line } = leastLine({ loss: mae, parameters: {}, corner: true }, points);
    for (let k = 0; k < 360; k++) {
      const [a, b] = [Math.cos(k), Math.sin(k) / 5];
      for (const distance of [1e-6, 1e-3, 0.1, 1]) {
        const other = { intercept: line.intercept + distance * a, slope: line.slope + distance * b };
        const prediction = points.map(({ x }) => heightOn(other, x));
        expect(
          mae(
            prediction,
            points.map(({ y }) => y),
          ),
        ).toBeGreaterThan(value - 1e-14);
      }
    }
  }
});

it("comes to mse's line with huber's δ, and to mae's with charbonnier's ε", () => {
  for (const points of draws) {
    const wide = leastLine({ loss: huber, parameters: { delta: 100 } }, points);
    expect(apart(wide, leastLine({ loss: mse, parameters: {} }, points), [0, 10])).toBeLessThan(1e-8);
    const sharp = leastLine({ loss: charbonnier, parameters: { epsilon: 1e-4 } }, points);
    expect(sharp.value - leastLine({ loss: mae, parameters: {}, corner: true }, points).value).toBeLessThan(1e-4);
  }
});

it("is turned by a far point with mse, and not with mae", () => {
  const points = drawPoints({ seed: 4, outliers: 1, noise: 0.5 });
  const further = points.map((point, k) => (k === count - 1 ? { ...point, y: point.y - 5 } : point));
  const [before, after] = [points, further].map((those) =>
    leastLine({ loss: mae, parameters: {}, corner: true }, those),
  );
  expect(after?.slope).toBe(before?.slope);
  const [gentle, hard] = [points, further].map((those) => leastLine({ loss: mse, parameters: {} }, those).slope);
  expect((gentle ?? 0) - (hard ?? 0)).toBeGreaterThan(0.05);
});

it("measures how far lines are apart", () => {
  expect(apart(truth, { ...truth, intercept: truth.intercept + 2 }, [0, 10])).toBeCloseTo(2, 12);
  // ∫ x² over [0, 10] is 1000/3
  expect(apart({ intercept: 0, slope: 1 }, { intercept: 0, slope: 0 }, [0, 10])).toBeCloseTo(Math.sqrt(100 / 3), 12);
});

it("reads the moved points that it wrote, and nothing else", () => {
  const moved = new Map([
    [3, within({ x: 1.234, y: -4 })],
    [7, { x: 2, y: 0 }],
  ]);
  expect(writeMoved(moved)).toBe("3,1.23,-4;7,2,0");
  expect(readMoved(writeMoved(moved))).toEqual(moved);
  expect(readMoved("3,99,-99")).toEqual(new Map([[3, { x: 10, y: -6 }]]));
  for (const text of ["", ";", "1,2", "24,1,1", "-1,1,1", "1.5,1,1", "1,a,1", "1,1,Infinity", "1,1,1,1", "1,,1"])
    expect(readMoved(text), text).toBeUndefined();
});
