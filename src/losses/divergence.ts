/** Losses of distributions, a row of C numbers each. */
import type { RowSpec } from "../spec.js";

export const softmaxCrossEntropy: RowSpec<{ labelSmoothing: number }> = {
  name: "softmaxCrossEntropy",
  formula: "−Σ τ_c log p_c, p = softmax(x), τ_c = w_c((1 − s) y_c + s/C)",
  gradient: "T p_k − τ_k, T = Σ τ_c",
  hessian: "T p_k(1 − p_k)",
  parameters: { labelSmoothing: { default: 0, from: 0, to: 1 } },
  arrays: ["logits", "labels"],
  length: "classes",
  targets: "positive",
  labels: true,
  source:
    "Bridle (1990), Probabilistic Interpretation of Feedforward Classification Network Outputs, doi:10.1007/978-3-642-76153-9_28",
};

export const klDivergence: RowSpec<{ epsilon: number }> = {
  name: "klDivergence",
  formula: "Σ y_c log(y_c/q_c), q = max(x, ε)",
  gradient: "−y_k/q_k",
  hessian: "y_k/q_k²",
  parameters: { epsilon: { default: 1e-7, from: 0, below: 1 } },
  arrays: ["prediction", "target"],
  length: "classes",
  predictions: "positive",
  targets: "positive",
  source: "Kullback and Leibler (1951), On Information and Sufficiency, doi:10.1214/aoms/1177729694",
};

export const klDivergenceWithLogits: RowSpec = {
  name: "klDivergenceWithLogits",
  formula: "Σ y_c log(y_c/q_c), q = softmax(x)",
  gradient: "P q_k − y_k, P = Σ y_c",
  hessian: "P q_k(1 − q_k)",
  parameters: {},
  arrays: ["logits", "target"],
  length: "classes",
  targets: "positive",
  source: "Kullback and Leibler (1951), On Information and Sufficiency, doi:10.1214/aoms/1177729694",
};

export const distillation: RowSpec<{ temperature: number }> = {
  name: "distillation",
  formula: "T² Σ p_c log(p_c/q_c), p = softmax(y/T), q = softmax(x/T)",
  gradient: "T(q_k − p_k)",
  hessian: "q_k(1 − q_k)",
  parameters: { temperature: { default: 1, above: 0 } },
  arrays: ["logits", "teacherLogits"],
  length: "classes",
  source: "Hinton et al. (2015), Distilling the Knowledge in a Neural Network, arXiv:1503.02531",
};

export const gaussianKl: RowSpec = {
  name: "gaussianKl",
  formula: "½ Σ (x² + e^y − 1 − y)",
  gradient: "x_k; by y: ½(e^y_k − 1)",
  hessian: "1; by y: ½e^y_k",
  parameters: {},
  arrays: ["mean", "logVariance"],
  length: "latent",
  both: true,
  source: "Kingma and Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114",
};
