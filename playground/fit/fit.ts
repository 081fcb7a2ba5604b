/** The line of least loss through points. */
import type { Loss } from "simdloss";
import { heightOn, type Line, type Point } from "./points.js";

/** A loss with its parameters, of residuals only. */
export interface Fitted {
  readonly loss: Loss;
  readonly parameters: Readonly<Record<string, number>>;
  /** It has a corner at 0. */
  readonly corner?: boolean;
}

export interface Fit extends Line {
  /** The mean loss of the points. */
  readonly value: number;
}

/** Steeper, or further up or down, than any line through points that can be seen. */
const far = 1e4;
/** Each halves what is left of 2·10⁴: to 10⁻¹¹. */
const halvings = 51;

export function leastLine(what: Fitted, points: readonly Point[]): Fit {
  const x = Float64Array.from(points, (point) => point.x);
  const y = Float64Array.from(points, (point) => point.y);
  const prediction = new Float64Array(points.length);
  const grad = new Float64Array(points.length);
  const options = { ...what.parameters, out: { grad } };

  const predict = (line: Line): Float64Array => {
    for (const [k, at] of x.entries()) prediction[k] = heightOn(line, at);
    return prediction;
  };
  const value = (line: Line): number => Number(what.loss(predict(line), y, what.parameters));
  /** By the intercept and by the slope. */
  const gradient = (line: Line): readonly [number, number] => {
    what.loss.grad(predict(line), y, options);
    return grad.reduce<[number, number]>(([a, b], g, k) => [a + g, b + g * (x[k] ?? 0)], [0, 0]);
  };

  const line = what.corner ? throughTwo(points, value) : level(gradient);
  return { ...line, value: value(line) };
}

/** Convex losses: for each slope there is an intercept where the gradient is 0, and its gradient by the slope only grows with the slope. */
function level(gradient: (line: Line) => readonly [number, number]): Line {
  const interceptFor = (slope: number): number => zero((intercept) => gradient({ intercept, slope })[0]);
  const slope = zero((steep) => gradient({ intercept: interceptFor(steep), slope: steep })[1]);
  return { intercept: interceptFor(slope), slope };
}

/** Of a function that only grows. */
function zero(of: (at: number) => number): number {
  let [low, high] = [-far, far];
  for (let k = 0; k < halvings; k++) {
    const middle = (low + high) / 2;
    if (of(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** A line of least absolute error passes through two of the points: Boscovich (1757). */
function throughTwo(points: readonly Point[], value: (line: Line) => number): Line {
  let best: Line = { intercept: points[0]?.y ?? 0, slope: 0 };
  let least = value(best);
  for (const [k, one] of points.entries()) {
    for (const other of points.slice(k + 1)) {
      if (one.x === other.x) continue;
      const slope = (other.y - one.y) / (other.x - one.x);
      const line = { intercept: one.y - slope * one.x, slope };
      const own = value(line);
      if (own < least) [best, least] = [line, own];
    }
  }
  return best;
}

/** Root of the mean square of the distance between two lines over a window. */
export function apart(one: Line, other: Line, [from, to]: readonly [number, number]): number {
  const [a, b] = [heightOn(one, from) - heightOn(other, from), heightOn(one, to) - heightOn(other, to)];
  return Math.sqrt((a * a + a * b + b * b) / 3);
}
