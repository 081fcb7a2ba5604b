/** SSIM as Wang et al. (2004) write it, window by window, in double precision throughout. */
import type { ImageCall } from "../engine.js";
import { WINDOW } from "../ssim.js";
import { Sum } from "./engine.js";

const SIGMA = 1.5;
const K1 = 0.01;
const K2 = 0.03;

const AREA = WINDOW * WINDOW;
const weights = /* @__PURE__ */ gaussian();

/**
 * SSIM = l · s with l = (2 μx μy + C1) / (μx² + μy² + C1) and s = (2 σxy + C2) / (σx² + σy² + C2). Of both, what they lack to 1 is worked out,
 * from the difference d = x − y: μx² + μy² − 2 μx μy = μd² and σx² + σy² − 2 σxy = σd², which lose no digits where the images are nearly equal.
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
  const x = new Float64Array(AREA);
  const y = new Float64Array(AREA);
  const d = new Float64Array(AREA);
  const sum = new Sum();

  for (let row = 0; row < images * height; row++) {
    if (row % height >= tops) continue;
    for (let first = row * stride; first < row * stride + lefts; first++) {
      let [meanX, meanY, meanD] = [0, 0, 0];
      for (let k = 0; k < AREA; k++) {
        const at = first + (offsets[k] ?? 0);
        const weight = weights[k] ?? 0;
        const own = (prediction[at] ?? Number.NaN) * unit;
        const other = (target[at] ?? Number.NaN) * unit;
        x[k] = own;
        y[k] = other;
        d[k] = own - other;
        meanX += weight * own;
        meanY += weight * other;
        meanD += weight * (own - other);
      }
      let [varianceX, varianceY, varianceD] = [0, 0, 0];
      for (let k = 0; k < AREA; k++) {
        const weight = weights[k] ?? 0;
        varianceX += weight * ((x[k] ?? 0) - meanX) ** 2;
        varianceY += weight * ((y[k] ?? 0) - meanY) ** 2;
        varianceD += weight * ((d[k] ?? 0) - meanD) ** 2;
      }
      const b1 = meanX ** 2 + meanY ** 2 + c1;
      const b2 = varianceX + varianceY + c2;
      const p = meanD ** 2 / b1;
      const q = varianceD / b2;
      sum.add(p + (1 - p) * q);

      if (slopes === undefined) continue;
      // By x_i, of weight w: ∂μx = ∂μd = w, ∂σx² = 2w(x_i − μx), ∂σd² = 2w(d_i − μd); so
      // ∂l = −2w(μd − p μx)/b1 and ∂s = −2w((d_i − μd) − q(x_i − μx))/b2.
      const byMean = ((1 - q) * 2 * (meanD - p * meanX)) / b1;
      const byVariance = ((1 - p) * 2) / b2;
      for (let k = 0; k < AREA; k++) {
        const at = first + (offsets[k] ?? 0);
        const contrast = (d[k] ?? 0) - meanD - q * ((x[k] ?? 0) - meanX);
        slopes[at] = (slopes[at] ?? 0) - (weights[k] ?? 0) * (byMean + byVariance * contrast);
      }
    }
  }
  // Last: the gradient may take the prediction's place.
  if (grad)
    slopes?.forEach((slope, k) => {
      grad[k] = (slope / windows) * unit;
    });
  return sum.total() / windows;
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
