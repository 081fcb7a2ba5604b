/**
 * SSIM of images by wasm, by the reference and by ssim.js with the same windows (its "fast", without its shrinking of large images first).
 * Ratios between the columns of one run are what counts; absolute figures move from machine to machine.
 */
import Table from "cli-table3";
import { Command, InvalidArgumentError } from "commander";
import { ssim } from "simdloss";
import { ssim as plain } from "simdloss/reference";
import { ssim as rival } from "ssim.js";
import { bell, uniform } from "./inputs.js";
import { machine, medians, milliseconds } from "./timing.js";

type Size = readonly [width: number, height: number];

function sizes(text: string): Size[] {
  return text.split(",").map((size) => {
    const [, width, height] = /^([1-9]\d*)[x×]([1-9]\d*)$/.exec(size) ?? [];
    if (width === undefined) throw new InvalidArgumentError("sizes are width and height like 1024x1024,28x28");
    return [Number(width), Number(height)];
  });
}

const program = new Command("npm run bench:images --")
  .description(
    "Times SSIM of gray images, Float32Array, buffers reused: SIMD wasm against the plain reference and ssim.js.",
  )
  .option("--sizes <list>", "widths and heights", sizes, sizes("28x28,256x256,1024x1024"))
  .option("--time <ms>", "how long to measure each", milliseconds, 1500)
  .parse();
const options = program.opts<{ sizes: Size[]; time: number }>();

const table = new Table({
  head: ["width×height", "ssim ms", "valueAndGrad ms", "reference ms", "ssim.js ms", "× reference", "× ssim.js"],
  colAligns: ["left", "right", "right", "right", "right", "right", "right"],
  style: { head: [], border: [], compact: true },
});
for (const [width, height] of options.sizes) {
  const { prediction, target } = photographs(width, height);
  const size = { width, height };
  const out = { grad: new Float32Array(prediction.length) };
  const [first, second] = [asImage(prediction, size), asImage(target, size)];
  const runs = {
    value: () => ssim(prediction, target, size),
    valueAndGrad: () => ssim.valueAndGrad(prediction, target, { ...size, out }).value,
    reference: () => plain(prediction, target, size),
    rival: () => rival(first, second, { ssim: "fast", downsample: false }).mssim,
  };
  compare(Object.values(runs).map((run) => run()));
  const { value, valueAndGrad, reference, rival: other } = await medians(runs, options.time);
  const times = [value, valueAndGrad, reference, other].map((time) => (time / 1e6).toPrecision(3));
  table.push([`${width}×${height}`, ...times, (reference / value).toFixed(1), (other / value).toFixed(1)]);
}
console.log(table.toString());
console.log(`${machine.date}, Node ${machine.node}, ${machine.cpu}, one thread`);

/** Times are of one task only if all give its value; ssim.js works on bytes. */
function compare(values: readonly number[]): void {
  const [value = Number.NaN] = values;
  if (values.every((other) => Math.abs(other - value) < 1e-6)) return;
  throw new Error(`SSIM is not the same everywhere: ${values.join(", ")}`);
}

/** A smooth picture and a noisy copy, of whole bytes over 255. */
function photographs(width: number, height: number): { prediction: Float32Array; target: Float32Array } {
  const next = uniform(width * height);
  const prediction = new Float32Array(width * height);
  const target = new Float32Array(width * height);
  const byte = (x: number): number => Math.min(255, Math.max(0, Math.round(x))) / 255;
  for (let k = 0; k < target.length; k++) {
    const light = 128 + 80 * Math.sin((k % width) / 9) * Math.cos(Math.floor(k / width) / 13);
    target[k] = byte(light);
    prediction[k] = byte(light + 12 * bell(next));
  }
  return { prediction, target };
}

/** Bytes of red, green, blue and opacity. */
function asImage(pixels: Float32Array, { width, height }: { width: number; height: number }): ImageData {
  const data = new Uint8ClampedArray(4 * pixels.length);
  pixels.forEach((pixel, k) => {
    const byte = Math.round(255 * pixel);
    data.set([byte, byte, byte, 255], 4 * k);
  });
  return { data, width, height, colorSpace: "srgb" };
}
