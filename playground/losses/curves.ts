/** What is drawn of a section: where it is sampled, how high the chart is, and where the tangent runs. */
import type { Losses } from "../shell/losses.js";
import type { Section, Settings } from "./sections.js";

const count = 400;

/** Evenly over the window, and closer and closer to the corners, which a curve turns at within a billionth. */
export function samples(
  { from, to, corners }: Pick<Section, "from" | "to" | "corners">,
  settings: Settings,
): Float64Array {
  const even = Array.from({ length: count + 1 }, (_, k) => from + ((to - from) * k) / count);
  const near = Array.from({ length: 9 }, (_, k) => 10 ** -(k + 1));
  const turns = corners(settings).flatMap((corner) => [
    corner,
    ...near.flatMap((distance) => [corner - distance, corner + distance]),
  ]);
  const inside = turns.filter((x) => x >= from && x <= to);
  return Float64Array.from(new Set([...even, ...inside])).sort();
}

/** Lowest and highest of the curves together; where a few peaks would flatten all else, without them. */
export function limits(curves: readonly ArrayLike<number>[]): readonly [number, number] {
  const heights = curves
    .flatMap((curve) => Array.from(curve))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const quantile = (share: number): number => heights[Math.round(share * (heights.length - 1))] ?? 0;
  const whole = [quantile(0), quantile(1)] as const;
  const most = [quantile(0.04), quantile(0.96)] as const;
  const spread = most[1] - most[0];
  const range = whole[1] - whole[0];
  const [low, high] = range > 12 * spread && spread > 1e-6 * range ? most : whole;
  const room = high > low ? (high - low) / 12 : Math.max(1, Math.abs(high) / 2);
  return [low - room, high + room];
}

/** What the charts and the read-out show of one loss. */
export interface Shown {
  readonly section: Section;
  readonly settings: Settings;
  readonly x: Float64Array;
  readonly heights: Readonly<Record<Order, ArrayLike<number> | undefined>>;
}

export const orders = ["value", "grad", "hess"] as const;
export type Order = (typeof orders)[number];

export function shownOf(losses: Losses, section: Section, settings: Settings): Shown {
  const x = samples(section, settings);
  return { section, settings, x, heights: heightsOf(losses, section, settings, x) };
}

/** At one x; NaN where the loss has no such curve, or x is outside of its domain. */
export function heightsAt(losses: Losses, { section, settings }: Shown, x: number): Readonly<Record<Order, number>> {
  if (x < section.from || x > section.to) return { value: Number.NaN, grad: Number.NaN, hess: Number.NaN };
  const { value, grad, hess } = heightsOf(losses, section, settings, Float64Array.of(x));
  return { value: value?.[0] ?? Number.NaN, grad: grad?.[0] ?? Number.NaN, hess: hess?.[0] ?? Number.NaN };
}

function heightsOf(losses: Losses, section: Section, settings: Settings, x: Float64Array): Shown["heights"] {
  const { value, grad, hess } = section.curve(losses, x, settings);
  return { value, grad, hess };
}
