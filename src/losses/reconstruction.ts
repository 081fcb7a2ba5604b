/** Losses and measures of reconstructed images, and of their features. */
import type { ImageSpec } from "../spec.js";

export const perceptual: ImageSpec<Record<never, never>> = {
  name: "perceptual",
  formula: "Σ_l λ_l mean|x_l − y_l|, x_l and y_l the features of layer l",
  gradient: "λ_l sign(x_l − y_l)/n_l, n_l the features of layer l; 0 at 0",
  options: ["layerWeights"],
  parameters: {},
  source:
    "Johnson et al. (2016), Perceptual Losses for Real-Time Style Transfer and Super-Resolution, arXiv:1603.08155",
};

export const psnr: ImageSpec<{ peak: number }> = {
  name: "psnr",
  formula: "20 log10(peak/√mean(e²))",
  gradient: "",
  options: [],
  parameters: { peak: { default: 1, above: 0 } },
  source:
    "Huynh-Thu and Ghanbari (2008), Scope of validity of PSNR in image/video quality assessment, doi:10.1049/el:20080522",
};

export const ssim: ImageSpec<{ peak: number }> = {
  name: "ssim",
  formula: "mean of (2 μ_x μ_y + C₁)(2 σ_xy + C₂)/((μ_x² + μ_y² + C₁)(σ_x² + σ_y² + C₂)) over all 11×11 windows",
  gradient: "exact, through every window that holds the pixel",
  options: ["width", "height", "channels", "images"],
  parameters: { peak: { default: 1, above: 0 } },
  source:
    "Wang et al. (2004), Image Quality Assessment: From Error Visibility to Structural Similarity, doi:10.1109/TIP.2003.819861",
};
