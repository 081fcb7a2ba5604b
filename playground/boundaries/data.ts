/** Points of two classes in the plane, one of them rare. */
import { gaussian, seeded } from "../../examples/random.js";

export const count = 400;
/** What is seen of the plane. */
export const window = { x: [-2, 3], y: [-1.75, 2.25] } as const;

export interface Data {
  /** x and y of each point, one point after another. */
  readonly points: Float32Array;
  /** 1 for the rare class. */
  readonly labels: Float32Array;
}

export interface Draw {
  /** Of the rare class, in all points. */
  readonly share: number;
  /** Standard deviation of the points' distance from their arcs. */
  readonly noise: number;
  readonly seed: number;
}

/** Two half circles, each with an end within the other, as scikit-learn's two moons. */
export function drawData({ share, noise, seed }: Draw): Data {
  const random = seeded(seed);
  const rare = Math.max(2, Math.round(share * count));
  const points = new Float32Array(2 * count);
  const labels = new Float32Array(count);
  for (let k = 0; k < count; k++) {
    const label = k < rare ? 1 : 0;
    const angle = Math.PI * random();
    const [x, y] = label === 1 ? [1 - Math.cos(angle), 0.5 - Math.sin(angle)] : [Math.cos(angle), Math.sin(angle)];
    points[2 * k] = x + noise * gaussian(random);
    points[2 * k + 1] = y + noise * gaussian(random);
    labels[k] = label;
  }
  return { points, labels };
}

/** The middles of a grid's cells over the window, row by row from the bottom. */
export function grid(width: number, height: number): Float32Array {
  const [left, right] = window.x;
  const [bottom, top] = window.y;
  return Float32Array.from({ length: 2 * width * height }, (_, k) => {
    const cell = k >> 1;
    return k % 2 === 0
      ? left + ((right - left) * ((cell % width) + 0.5)) / width
      : bottom + ((top - bottom) * (Math.floor(cell / width) + 0.5)) / height;
  });
}
