/** The losses in plain TypeScript: no WebAssembly, for a Content Security Policy without it, and as the oracle of the kernels. */
import { define } from "../loss.js";
import * as rowSpecs from "../losses/divergence.js";
import * as specs from "../losses/index.js";
import * as images from "../losses/reconstruction.js";
import { definePerceptual } from "../perceptual.js";
import { definePsnr } from "../psnr.js";
import { defineRows } from "../rowLoss.js";
import { defineSsim } from "../ssim.js";
import type { DivergenceLoss, GaussianLoss, Loss, Perceptual, Psnr, SoftmaxCrossEntropy, Ssim } from "../types.js";
import * as formulas from "./classification.js";
import * as rows from "./divergence.js";
import { plain } from "./engine.js";
import * as residuals from "./regression.js";
import { plainRows } from "./rows.js";
import { plainSsim } from "./ssim.js";

export { mergeTotals } from "../total.js";
export type * from "../types.js";

type None = Record<never, never>;
const off = (a: number): number | null => (Number.isNaN(a) ? null : a);

/** Mean absolute error. */
export const mae: Loss<None> = /* @__PURE__ */ define(
  specs.mae,
  plain(residuals.mae, () => ({})),
);
/** Mean squared error. */
export const mse: Loss<None> = /* @__PURE__ */ define(
  specs.mse,
  plain(residuals.mse, () => ({})),
);
/** Root mean squared error. */
export const rmse: Loss<None> = /* @__PURE__ */ define(
  specs.rmse,
  plain(residuals.rmse, ({ a, b }) => ({ power: a, inverse: b })),
);
/** Huber loss. */
export const huber: Loss<{ delta: number }> = /* @__PURE__ */ define(
  specs.huber,
  plain(residuals.huber, ({ a }) => ({ delta: a })),
);
/** Log-cosh loss. */
export const logCosh: Loss<None> = /* @__PURE__ */ define(
  specs.logCosh,
  plain(residuals.logCosh, () => ({})),
);
/** Charbonnier loss. */
export const charbonnier: Loss<{ epsilon: number }> = /* @__PURE__ */ define(
  specs.charbonnier,
  plain(residuals.charbonnier, ({ a }) => ({ epsilon: a })),
);
/** Binary cross entropy of probabilities. */
export const bce: Loss<{ epsilon: number }> = /* @__PURE__ */ define(
  specs.bce,
  plain(formulas.bce, ({ a }) => ({ epsilon: a })),
);
/** Binary cross entropy of logits. */
export const bceWithLogits: Loss<{ posWeight: number; labelSmoothing: number }> = /* @__PURE__ */ define(
  specs.bceWithLogits,
  plain(formulas.bceWithLogits, ({ a, b }) => ({ posWeight: a, labelSmoothing: b })),
);
/** Focal loss of probabilities. */
export const focal: Loss<{ alpha: number | null; gamma: number; epsilon: number }> = /* @__PURE__ */ define(
  specs.focal,
  plain(formulas.focal, ({ a, b, c }) => ({ alpha: off(a), gamma: b, epsilon: c })),
);
/** Focal loss of logits. */
export const focalWithLogits: Loss<{ alpha: number | null; gamma: number }> = /* @__PURE__ */ define(
  specs.focalWithLogits,
  plain(formulas.focalWithLogits, ({ a, b }) => ({ alpha: off(a), gamma: b })),
);
/** Softmax cross entropy. */
export const softmaxCrossEntropy: SoftmaxCrossEntropy = /* @__PURE__ */ defineRows(
  rowSpecs.softmaxCrossEntropy,
  plainRows(rows.softmaxCrossEntropy, ({ a, classWeights }) => ({ labelSmoothing: a, classWeights })),
);
/** Kullback-Leibler divergence of probabilities. */
export const klDivergence: DivergenceLoss<{ epsilon: number }> = /* @__PURE__ */ defineRows(
  rowSpecs.klDivergence,
  plainRows(rows.klDivergence, ({ a }) => ({ epsilon: a })),
);
/** Kullback-Leibler divergence of logits. */
export const klDivergenceWithLogits: DivergenceLoss<None> = /* @__PURE__ */ defineRows(
  rowSpecs.klDivergenceWithLogits,
  plainRows(rows.klDivergenceWithLogits, () => ({})),
);
/** Distillation of a teacher's logits. */
export const distillation: DivergenceLoss<{ temperature: number }> = /* @__PURE__ */ defineRows(
  rowSpecs.distillation,
  plainRows(rows.distillation, ({ a }) => ({ temperature: a })),
);
/** Kullback-Leibler divergence KL(N(μ, e^l) ‖ N(0, 1)). */
export const gaussianKl: GaussianLoss = /* @__PURE__ */ defineRows(
  rowSpecs.gaussianKl,
  plainRows(rows.gaussianKl, () => ({})),
);
/** Perceptual loss. */
export const perceptual: Perceptual = /* @__PURE__ */ definePerceptual(
  images.perceptual,
  specs.mae,
  plain(residuals.mae, () => ({})),
);
/** Peak signal-to-noise ratio. */
export const psnr: Psnr = /* @__PURE__ */ definePsnr(images.psnr, rmse);
/** Structural similarity. */
export const ssim: Ssim = /* @__PURE__ */ defineSsim(images.ssim, plainSsim);
