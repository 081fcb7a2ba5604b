/** What the suite of images runs over: both implementations in both element types; and seeded images and features. */
import * as wasm from "../../src/index.js";
import * as reference from "../../src/reference/index.js";
import type { Floats, FloatsConstructor } from "../implementations.js";
import { types } from "../implementations.js";
import { fill, random } from "../random.js";

/** The measures of images, and what they are compared with. */
export type ImageLosses = Pick<typeof wasm, "perceptual" | "psnr" | "ssim" | "mae" | "mse" | "mergeTotals">;

export interface ImageSuite {
  readonly title: string;
  readonly implementation: "wasm" | "reference";
  readonly losses: ImageLosses;
  readonly Type: FloatsConstructor;
}

export const imageImplementations: Readonly<Record<"wasm" | "reference", ImageLosses>> = { wasm, reference };

export const imageSuites: readonly ImageSuite[] = (["wasm", "reference"] as const).flatMap((implementation) =>
  types.map((Type) => ({
    title: `${implementation} ${Type.name}`,
    implementation,
    losses: imageImplementations[implementation],
    Type,
  })),
);

/** The side of SSIM's window. */
export const WINDOW = 11;

export interface Shape {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly images: number;
}

export interface Pair {
  readonly prediction: Floats;
  readonly target: Floats;
  readonly shape: Shape;
}

export function shapeOf(width: number, height: number, channels = 1, images = 1): Shape {
  return { width, height, channels, images };
}

export function sizeOf({ width, height, channels, images }: Shape): number {
  return width * height * channels * images;
}

export function show({ width, height, channels, images }: Shape): string {
  return `${images} × ${height} × ${width} × ${channels}`;
}

/** Where a pixel's channel stands. */
export function at({ width, height, channels }: Shape, row: number, column: number, channel = 0, image = 0): number {
  return ((image * height + row) * width + column) * channels + channel;
}

/** Seeded images: soft stripes under noise, and another noise over a paler copy; multiples of 2⁻¹⁰ in [0, 1], exact in either type. */
export function drawImages(Type: FloatsConstructor, shape: Shape, seed = 1): Pair {
  const draw = random(seed);
  const grid = (x: number) => Math.round(Math.min(1, Math.max(0, x)) * 2 ** 10) / 2 ** 10;
  const stripes = (k: number) => {
    const pixel = Math.floor(k / shape.channels);
    const phase = (k % shape.channels) + seed;
    return 0.5 + 0.3 * Math.sin(0.4 * (pixel % shape.width) + 0.25 * Math.floor(pixel / shape.width) + phase);
  };
  const target = fill(Type, sizeOf(shape), (k) => grid(stripes(k) + 0.3 * (draw() - 0.5)));
  const prediction = target.map((y) => grid(0.1 + 0.7 * y + 0.4 * (draw() - 0.5)));
  return { prediction, target, shape };
}

/** Seeded feature maps of the given lengths: multiples of 2⁻¹⁰ in ±8, an eighth of them like the target's. */
export function drawFeatures(
  Type: FloatsConstructor,
  lengths: readonly number[],
  seed = 1,
): { features: Floats[]; targetFeatures: Floats[] } {
  const draw = random(seed);
  const grid = () => Math.round((draw() - 0.5) * 2 ** 14) / 2 ** 10;
  const features = lengths.map((n) => fill(Type, n, grid));
  const targetFeatures = features.map((layer) => layer.map((x) => (draw() < 1 / 8 ? x : grid())));
  return { features, targetFeatures };
}

/** The largest of all sizes. */
export function largest(array: Floats): number {
  let most = 0;
  for (const x of array) most = Math.max(most, Math.abs(x));
  return most;
}
