/** Loss functions with their gradients and second derivatives, in SIMD WebAssembly. */
import { classification, regression } from "#wasm";
import { kernels } from "./kernels.js";
import { define } from "./loss.js";
import * as rows from "./losses/divergence.js";
import * as specs from "./losses/index.js";
import * as images from "./losses/reconstruction.js";
import { definePerceptual } from "./perceptual.js";
import { definePsnr } from "./psnr.js";
import { rowKernels } from "./rowKernels.js";
import { defineRows } from "./rowLoss.js";
import { defineSsim } from "./ssim.js";
import { ssimKernels } from "./ssimKernels.js";
import type { DivergenceLoss, GaussianLoss, Loss, Perceptual, Psnr, SoftmaxCrossEntropy, Ssim } from "./types.js";

const residuals = /* @__PURE__ */ kernels(regression);
const labels = /* @__PURE__ */ kernels(classification);

export { Arena } from "./arena.js";
export { mergeTotals } from "./total.js";
export type * from "./types.js";

/**
 * Mean absolute error, |e| with e = prediction − target: every error counts by its size alone, outliers as little as can be.
 *
 * N predictions and N targets, any numbers. The derivative is sign e, 0 at 0.
 * @throws TypeError, RangeError for arrays of the wrong kind or length.
 * @example mae([1, 5], [2, 2]); // 2
 * @see Laplace (1774)
 */
export const mae: Loss<Record<never, never>> = /* @__PURE__ */ define(specs.mae, residuals);

/**
 * Mean squared error, e² (no ½): large errors count most, so that outliers pull hard.
 *
 * N predictions and N targets, any numbers. The derivative is 2e.
 * @throws TypeError, RangeError for arrays of the wrong kind or length.
 * @example mse([1, 5], [2, 2]); // 5
 * @see Gauss (1809)
 */
export const mse: Loss<Record<never, never>> = /* @__PURE__ */ define(specs.mse, residuals);

/**
 * Root mean squared error, √mean(e²): the mean squared error in the targets' own unit.
 *
 * N predictions and N targets, any numbers; no square overflows or vanishes. Its only reduction is "mean"; its derivatives take two
 * passes, are 0 at a perfect fit, and NaN where an error is infinite. Totals are those of the squares.
 * @throws TypeError, RangeError for arrays of the wrong kind or length, or another reduction.
 * @example rmse([3, 0], [0, 4]); // √12.5 = 3.5355339059327378
 * @see Gauss (1809)
 */
export const rmse: Loss<Record<never, never>> = /* @__PURE__ */ define(specs.rmse, residuals);

/**
 * Huber loss: e²/2 within `delta` of the target and linear beyond, so that outliers pull less. With δ = 1 it is PyTorch's smooth L1.
 *
 * N predictions and N targets, any numbers; `delta` > 0 in their unit, Infinity for half the squared error.
 * @throws RangeError for a delta that is not greater than 0; TypeError, RangeError for arrays of the wrong kind or length.
 * @example huber([0.5, 4], [0, 0], { delta: 1, reduction: "none" }); // Float64Array [0.125, 3.5]
 * @see Huber (1964), doi:10.1214/aoms/1177703732
 */
export const huber: Loss<{ delta: number }> = /* @__PURE__ */ define(specs.huber, residuals);

/**
 * Log-cosh loss, log cosh e: e²/2 near the target and |e| − ln 2 far from it, smooth throughout.
 *
 * N predictions and N targets, any numbers; every digit is kept near 0, and nothing overflows. The derivative is tanh e.
 * @throws TypeError, RangeError for arrays of the wrong kind or length.
 * @example logCosh([1e-4], [0]); // 4.999999991666667e-9
 * @see Green (1990), doi:10.1109/42.52985
 */
export const logCosh: Loss<Record<never, never>> = /* @__PURE__ */ define(specs.logCosh, residuals);

/**
 * Charbonnier loss, √(e² + ε²): the absolute error made differentiable at 0. Some call it smooth L1, which elsewhere is Huber's.
 *
 * N predictions and N targets, any numbers; `epsilon` > 0 in their unit. No square overflows or vanishes.
 * @throws RangeError for an epsilon that is not greater than 0; TypeError, RangeError for arrays of the wrong kind or length.
 * @example charbonnier([3], [0], { epsilon: 4 }); // 5
 * @see Charbonnier et al. (1994), doi:10.1109/ICIP.1994.413553
 */
export const charbonnier: Loss<{ epsilon: number }> = /* @__PURE__ */ define(specs.charbonnier, residuals);

/**
 * Binary cross entropy of probabilities, −y log p − (1 − y) log(1 − p), p clamped to [ε, 1 − ε].
 *
 * N predictions and N targets, both in [0, 1], soft targets too. Value and derivatives are taken at the clamped p, so that a gradient
 * never dies and never exceeds 1/ε. Where the model gives logits, `bceWithLogits` loses nothing.
 * @throws RangeError for a number outside [0, 1] or an epsilon outside [0, 0.5); TypeError, RangeError for wrong arrays.
 * @example bce([0.5, 0.5], [1, 0]); // 0.6931471805599453
 * @see Cox (1958), doi:10.1111/j.2517-6161.1958.tb00292.x
 */
export const bce: Loss<{ epsilon: number }> = /* @__PURE__ */ define(specs.bce, labels);

/**
 * Binary cross entropy of logits, −P z log σ(x) − (1 − z) log σ(−x) with z = y(1 − s) + s/2, exact for confident predictions.
 *
 * N logits, any numbers, and N targets in [0, 1]; `posWeight` P > 0, `labelSmoothing` s in [0, 1].
 * @throws RangeError for a target outside [0, 1] or a parameter outside its range; TypeError, RangeError for wrong arrays.
 * @example bceWithLogits([20], [1]); // 2.061153620314381e-9
 * @see Cox (1958), doi:10.1111/j.2517-6161.1958.tb00292.x; Szegedy et al. (2016), arXiv:1512.00567, for the smoothing
 */
export const bceWithLogits: Loss<{ posWeight: number; labelSmoothing: number }> = /* @__PURE__ */ define(
  specs.bceWithLogits,
  labels,
);

/**
 * Focal loss of probabilities, −α_t (1 − p_t)^γ log p_t with p clamped to [ε, 1 − ε]: cross entropy that well-classified examples
 * hardly weigh in.
 *
 * N predictions in [0, 1] and N labels, 0 or 1; `alpha` in [0, 1] is α_t of label 1, or null for α_t = 1; `gamma` ≥ 0.
 * @throws RangeError for a prediction outside [0, 1], a target that is no label, or a parameter outside its range; TypeError, RangeError
 * for wrong arrays.
 * @example focal([0.9], [1], { alpha: null, gamma: 2 }); // 0.0010536051565782623
 * @see Lin et al. (2017), doi:10.1109/ICCV.2017.324
 */
export const focal: Loss<{ alpha: number | null; gamma: number; epsilon: number }> = /* @__PURE__ */ define(
  specs.focal,
  labels,
);

/**
 * Focal loss of logits, −α_t (1 − p_t)^γ log p_t with p = σ(x).
 *
 * N logits, any numbers, and N labels, 0 or 1; `alpha` in [0, 1] is α_t of label 1, or null for α_t = 1; `gamma` ≥ 0.
 * @throws RangeError for a target that is no label, or a parameter outside its range; TypeError, RangeError for wrong arrays.
 * @example focalWithLogits([0], [1], { alpha: null, gamma: 2 }); // 0.17328679513998635
 * @see Lin et al. (2017), doi:10.1109/ICCV.2017.324
 */
export const focalWithLogits: Loss<{ alpha: number | null; gamma: number }> = /* @__PURE__ */ define(
  specs.focalWithLogits,
  labels,
);

/**
 * Softmax cross entropy, −Σ τ_c log softmax(x)_c with τ_c = w_c((1 − s) y_c + s/C): exact for confident rows, whatever the logits' offset.
 *
 * N rows of C logits, any numbers. Targets are N class indices in an integer typed array, or N rows of C soft targets ≥ 0, which need
 * `classes`; one-hot targets give what their indices give, bit by bit. `classWeights` w, C of them; `labelSmoothing` s in [0, 1];
 * `ignoreIndex`, the label of rows that do not count. The mean is over Σ of the rows' weights times w_y, or times Σ w_c y_c.
 * @throws RangeError for a label that is no class, a soft target below 0 or a parameter outside its range; TypeError, RangeError for
 * wrong arrays.
 * @example softmaxCrossEntropy([20, 0], Int32Array.of(0)); // 2.061153620314381e-9
 * @see Bridle (1990), doi:10.1007/978-3-642-76153-9_28; Szegedy et al. (2016), arXiv:1512.00567, for the smoothing
 */
export const softmaxCrossEntropy: SoftmaxCrossEntropy = /* @__PURE__ */ defineRows(
  rows.softmaxCrossEntropy,
  rowKernels,
);

/**
 * Kullback-Leibler divergence KL(target ‖ prediction), Σ p_c log(p_c/q_c) with p the target and q = max(prediction, ε): near-equal rows
 * keep their digits.
 *
 * N rows of `classes` probabilities ≥ 0 each, not log-probabilities, which need not sum to 1; `epsilon` in [0, 1). 0 log 0 = 0. Derivatives
 * are taken at q.
 * @throws RangeError for a number below 0 or a parameter outside its range; TypeError, RangeError for wrong arrays.
 * @example klDivergence([0.5, 0.5], [1, 0], { classes: 2 }); // 0.6931471805599453
 * @see Kullback and Leibler (1951), doi:10.1214/aoms/1177729694
 */
export const klDivergence: DivergenceLoss<{ epsilon: number }> = /* @__PURE__ */ defineRows(
  rows.klDivergence,
  rowKernels,
);

/**
 * Kullback-Leibler divergence KL(target ‖ softmax(logits)), Σ p_c log(p_c/softmax(x)_c).
 *
 * N rows of `classes` logits, any numbers, and as many probabilities ≥ 0, which need not sum to 1. 0 log 0 = 0.
 * @throws RangeError for a target below 0; TypeError, RangeError for wrong arrays.
 * @example klDivergenceWithLogits([0, 0], [1, 0], { classes: 2 }); // 0.6931471805599453
 * @see Kullback and Leibler (1951), doi:10.1214/aoms/1177729694
 */
export const klDivergenceWithLogits: DivergenceLoss<Record<never, never>> = /* @__PURE__ */ defineRows(
  rows.klDivergenceWithLogits,
  rowKernels,
);

/**
 * Distillation, T² KL(softmax(t/T) ‖ softmax(x/T)): a student's logits x against a teacher's t, both softened.
 *
 * N rows of `classes` logits each, any numbers; `temperature` T > 0. Derivatives are by the student's logits; T² keeps their size when T changes.
 * @throws RangeError for a temperature that is not greater than 0; TypeError, RangeError for wrong arrays.
 * @example distillation([0, 0], [0, 1000], { classes: 2 }); // 0.6931471805599453
 * @see Hinton et al. (2015), arXiv:1503.02531
 */
export const distillation: DivergenceLoss<{ temperature: number }> = /* @__PURE__ */ defineRows(
  rows.distillation,
  rowKernels,
);

/**
 * Kullback-Leibler divergence KL(N(μ, e^l) ‖ N(0, 1)), ½ Σ (μ² + e^l − 1 − l): the regulariser of variational autoencoders.
 *
 * N rows of `latent` means μ and as many log variances l, any numbers. Derivatives are by both: `{ mean, logVariance }`.
 * @throws TypeError, RangeError for wrong arrays.
 * @example gaussianKl([3, 0], [0, 0], { latent: 2 }); // 4.5
 * @see Kingma and Welling (2014), arXiv:1312.6114
 */
export const gaussianKl: GaussianLoss = /* @__PURE__ */ defineRows(rows.gaussianKl, rowKernels);

/**
 * Perceptual loss, Σ_l λ_l mean|φ_l(x̂) − φ_l(x)|: two images compared by the features that a frozen network finds in them.
 *
 * L feature maps and as many of the target, any numbers, one array a layer; λ are the `layerWeights`, 1 each. With reduction "sum" it is
 * Σ_l λ_l ‖φ_l(x̂) − φ_l(x)‖₁, with "none" each feature's own λ_l|Δ|, an array a layer. The gradient has an array for each layer, to be sent back
 * through the network. A layer of weight 0 counts for nothing. There are no totals: layers have means of their own, which do not pool.
 * @throws TypeError, RangeError for lists of different lengths, arrays of the wrong kind or length, or a weight that is not finite and ≥ 0.
 * @example perceptual([[1, 5], [2]], [[2, 2], [0]], { layerWeights: [1, 0.5] }); // 3
 * @see Johnson et al. (2016), arXiv:1603.08155; Gatys et al. (2016), doi:10.1109/CVPR.2016.265, for features of VGG
 */
export const perceptual: Perceptual = /* @__PURE__ */ definePerceptual(images.perceptual, specs.mae, residuals);

/**
 * Peak signal-to-noise ratio, 10 log10(peak²/mse) in dB: the higher, the closer; Infinity for identical images.
 *
 * N pixels, channels or any numbers, and as many targets; `peak` > 0, the largest value that a pixel can have (1, or 255 for bytes). Over several images
 * together it is that of their mean squared error, not the mean of theirs: `psnr.fromTotal(mergeTotals(mse.total(…), …))`.
 * @throws RangeError for a peak that is not greater than 0 and finite; TypeError, RangeError for wrong arrays.
 * @example psnr([0.1, 0.9], [0, 1]); // 20
 * @see Huynh-Thu and Ghanbari (2008), doi:10.1049/el:20080522
 */
export const psnr: Psnr = /* @__PURE__ */ definePsnr(images.psnr, rmse);

/**
 * Structural similarity of images, 1 where they are equal: means, contrasts and correlations compared in every 11×11 Gaussian window (σ = 1.5,
 * K₁ = 0.01, K₂ = 0.03) that lies within the image, channel by channel, and averaged. For training, 1 − SSIM is the loss.
 *
 * `images` images one after another, each of `height` rows of `width` pixels, at least 11 both, the `channels` of a pixel side by side; any
 * numbers, of which `peak` > 0 is the largest that a pixel can have (1, or 255 for bytes). `valueAndGrad` gives the exact derivative by the
 * prediction. All is worked out in f64, for Float32Array too.
 * @throws RangeError for an image smaller than the window, a size that is not the arrays', or a peak that is not greater than 0 and finite;
 * TypeError, RangeError for wrong arrays.
 * @example ssim(new Float32Array(256).fill(1), new Float32Array(256).fill(0.5), { width: 16, height: 16 }); // 0.8000159987201024
 * @see Wang et al. (2004), doi:10.1109/TIP.2003.819861
 */
export const ssim: Ssim = /* @__PURE__ */ defineSsim(images.ssim, ssimKernels);
