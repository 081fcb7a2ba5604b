/** Points about a line, some of them far from it. */
import { gaussian, seeded } from "../../examples/random.js";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Line {
  readonly intercept: number;
  readonly slope: number;
}

export const count = 24;
/** What they would lie on without noise and outliers. */
export const truth: Line = { intercept: 1, slope: 0.6 };
export const window = { x: [0, 10], y: [-6, 12] } as const;

export const heightOn = ({ intercept, slope }: Line, x: number): number => intercept + slope * x;

export interface Draw {
  readonly outliers: number;
  /** Standard deviation of all others' distance from the line. */
  readonly noise: number;
  readonly seed: number;
}

/** The outliers are the last ones, far below the line, where they turn it. */
export function drawPoints({ outliers, noise, seed }: Draw): readonly Point[] {
  const random = seeded(seed);
  return Array.from({ length: count }, (_, k) => {
    const x = ((k + 0.2 + 0.6 * random()) / count) * 10;
    const off = k >= count - outliers ? -6 - 4 * random() : noise * gaussian(random);
    return within({ x, y: heightOn(truth, x) + off });
  });
}

/** As near as may be seen, to a hundredth. */
export function within({ x, y }: Point): Point {
  const into = (value: number, [low, high]: readonly [number, number]): number =>
    Math.round(100 * Math.min(high, Math.max(low, value))) / 100;
  return { x: into(x, window.x), y: into(y, window.y) };
}

/** Points that a visitor has moved, by their place. */
export type Moved = ReadonlyMap<number, Point>;

/** As "3,1.25,-4;7,2,0": place, x and y of each. */
export function writeMoved(moved: Moved): string {
  return [...moved].map(([place, { x, y }]) => `${place},${x},${y}`).join(";");
}

/** Nothing where the text is anything else. */
export function readMoved(text: string): Moved | undefined {
  const entries = text
    .split(";")
    .map((entry) => entry.split(",").map((part) => (part === "" ? Number.NaN : Number(part))));
  const moved = new Map<number, Point>();
  for (const [place = Number.NaN, x = Number.NaN, y = Number.NaN, more] of entries) {
    const known = Number.isInteger(place) && place >= 0 && place < count && more === undefined;
    if (!known || !Number.isFinite(x) || !Number.isFinite(y)) return undefined;
    moved.set(place, within({ x, y }));
  }
  return moved;
}
