/** Losses of a label y. */
import type { Spec } from "../spec.js";

export const bce: Spec<{ epsilon: number }> = {
  name: "bce",
  formula: "−y log p − (1 − y) log(1 − p), p = x clamped to [ε, 1 − ε]",
  gradient: "(p − y)/(p(1 − p))",
  hessian: "y/p² + (1 − y)/(1 − p)²",
  parameters: { epsilon: { default: 1e-7, from: 0, below: 0.5 } },
  predictions: [0, 1],
  targets: [0, 1],
  source: "Cox (1958), The Regression Analysis of Binary Sequences, doi:10.1111/j.2517-6161.1958.tb00292.x",
};

export const bceWithLogits: Spec<{ posWeight: number; labelSmoothing: number }> = {
  name: "bceWithLogits",
  formula: "−P z log σ(x) − (1 − z) log σ(−x), z = y(1 − s) + s/2",
  gradient: "(1 − z) σ(x) − P z σ(−x)",
  hessian: "(P z + 1 − z) σ(x) σ(−x)",
  parameters: { posWeight: { default: 1, above: 0 }, labelSmoothing: { default: 0, from: 0, to: 1 } },
  targets: [0, 1],
  source: "Cox (1958), The Regression Analysis of Binary Sequences, doi:10.1111/j.2517-6161.1958.tb00292.x",
};

export const focal: Spec<{ alpha: number | null; gamma: number; epsilon: number }> = {
  name: "focal",
  formula: "−α_t (1 − p_t)^γ log p_t, p_t = p for y = 1, 1 − p for y = 0, p = x clamped to [ε, 1 − ε]",
  gradient: "± (− for y = 1) α_t (1 − p_t)^γ (1/p_t − γ log p_t/(1 − p_t))",
  hessian: "α_t (1 − p_t)^γ (γ(1 − γ) log p_t/(1 − p_t)² + 2γ/(p_t(1 − p_t)) + 1/p_t²)",
  parameters: {
    alpha: { default: 0.25, from: 0, to: 1, off: "α_t = 1" },
    gamma: { default: 2, from: 0 },
    epsilon: { default: 1e-7, from: 0, below: 0.5 },
  },
  predictions: [0, 1],
  targets: [0, 1],
  labels: true,
  source: "Lin et al. (2017), Focal Loss for Dense Object Detection, doi:10.1109/ICCV.2017.324",
};

export const focalWithLogits: Spec<{ alpha: number | null; gamma: number }> = {
  name: "focalWithLogits",
  formula: "−α_t (1 − p_t)^γ log p_t, p_t = σ(x) for y = 1, σ(−x) for y = 0",
  gradient: "± (− for y = 1) α_t (1 − p_t)^γ (1 − p_t − γ p_t log p_t)",
  hessian: "α_t (1 − p_t)^γ p_t ((1 + 2γ)(1 − p_t) − γ log p_t (γ p_t − (1 − p_t)))",
  parameters: { alpha: { default: 0.25, from: 0, to: 1, off: "α_t = 1" }, gamma: { default: 2, from: 0 } },
  targets: [0, 1],
  labels: true,
  source: "Lin et al. (2017), Focal Loss for Dense Object Detection, doi:10.1109/ICCV.2017.324",
};
