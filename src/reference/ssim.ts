/** SSIM as Wang et al. (2004) write it, window by window, in double precision throughout. */
import type { Floats, ImageCall } from "../engine.js";
import { WINDOW } from "../ssim.js";
import { Sum } from "./engine.js";

const SIGMA = 1.5;
const K1 = 0.01;
const K2 = 0.03;

const AREA = WINDOW * WINDOW;
const MIDDLE = (AREA - 1) / 2;
const weights = /* @__PURE__ */ gaussian();

/**
 * SSIM = l · s with l = (2 μx μy + C1) / (μx² + μy² + C1) and s = (2 σxy + C2) / (σx² + σy² + C2). What l and s lack to 1 is worked out from the
 * difference d = x − y: μx² + μy² − 2 μx μy = μd² and σx² + σy² − 2 σxy = σd², which lose no digits where the images are nearly equal.
 */
export function plainSsim(call: ImageCall): number {
  const { prediction, target, images, width, height, channels, peak, grad } = call;
  // A power of two, so that the squares neither overflow nor vanish.
  const unit = 2 ** Math.min(1023, -Math.floor(Math.log2(peak)));
  const c1 = (K1 * (peak * unit)) ** 2;
  const c2 = (K2 * (peak * unit)) ** 2;

  const stride = width * channels;
  const offsets = Array.from(weights, (_, k) => Math.floor(k / WINDOW) * stride + (k % WINDOW) * channels);
  const tops = height - WINDOW + 1;
  const lefts = (width - WINDOW + 1) * channels;
  const windows = images * tops * lefts;
  const slopes = grad && new Float64Array(prediction.length);
  const [x, y, d] = [new Window(), new Window(), new Window()];
  const sum = new Sum();

  for (let row = 0; row < images * height; row++) {
    if (row % height >= tops) continue;
    for (let first = row * stride; first < row * stride + lefts; first++) {
      x.read(prediction, first, offsets, unit);
      y.read(target, first, offsets, unit);
      d.subtract(x, y);
      x.measure();
      y.measure();
      d.measure();

      const b1 = x.mean ** 2 + y.mean ** 2 + c1;
      const b2 = x.variance + y.variance + c2;
      const p = d.mean ** 2 / b1;
      const q = d.variance / b2;
      sum.add(p + (1 - p) * q);
      if (slopes === undefined) continue;
      // By x_i, of weight w: ∂μx = ∂μd = w, ∂σx² = 2w(x_i − μx) and ∂σd² = 2w(d_i − μd); so
      // ∂l = −2w(μd − p μx)/b1 and ∂s = −2w((d_i − μd) − q(x_i − μx))/b2.
      const byMean = ((1 - q) * -2 * (d.mean - p * x.mean)) / b1;
      const byVariance = ((1 - p) * -2) / b2;
      addSlopes(slopes, first, offsets, x, d, q, byMean, byVariance);
    }
  }
  // Last: the gradient may take the prediction's place.
  if (slopes !== undefined) grad?.set(slopes.map((slope) => (slope / windows) * unit));
  return sum.total() / windows;
}

class Window {
  /** Once it is measured, their distances from the mean. */
  readonly pixels = new Float64Array(AREA);
  mean = 0;
  variance = 0;

  read(array: Floats, first: number, offsets: readonly number[], unit: number): void {
    for (let k = 0; k < AREA; k++) this.pixels[k] = (array[first + (offsets[k] ?? 0)] ?? Number.NaN) * unit;
  }

  subtract(x: Window, y: Window): void {
    for (let k = 0; k < AREA; k++) this.pixels[k] = (x.pixels[k] ?? 0) - (y.pixels[k] ?? 0);
  }

  measure(): void {
    const { pixels } = this;
    // Sums of distances from the pixel in the middle round no more than the window varies.
    const middle = pixels[MIDDLE] ?? 0;
    let rest = 0;
    for (let k = 0; k < AREA; k++) rest += (weights[k] ?? 0) * ((pixels[k] ?? 0) - middle);
    let variance = 0;
    for (let k = 0; k < AREA; k++) {
      const distance = (pixels[k] ?? 0) - middle - rest;
      pixels[k] = distance;
      variance += (weights[k] ?? 0) * distance ** 2;
    }
    this.mean = middle + rest;
    this.variance = variance;
  }
}

function addSlopes(
  slopes: Float64Array,
  first: number,
  offsets: readonly number[],
  x: Window,
  d: Window,
  q: number,
  byMean: number,
  byVariance: number,
): void {
  for (let k = 0; k < AREA; k++) {
    const at = first + (offsets[k] ?? 0);
    const along = (d.pixels[k] ?? 0) - q * (x.pixels[k] ?? 0);
    slopes[at] = (slopes[at] ?? 0) + (weights[k] ?? 0) * (byMean + byVariance * along);
  }
}

/** Circular-symmetric, normalised to unit sum, row by row. */
function gaussian(): Float64Array {
  const window = Float64Array.from({ length: AREA }, (_, k) => {
    const across = (k % WINDOW) - (WINDOW - 1) / 2;
    const down = Math.floor(k / WINDOW) - (WINDOW - 1) / 2;
    return Math.exp(-(across ** 2 + down ** 2) / (2 * SIGMA ** 2));
  });
  const total = window.reduce((sum, weight) => sum + weight, 0);
  return window.map((weight) => weight / total);
}
