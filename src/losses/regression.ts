/** Losses of the residual e = x − y. */
import type { Spec } from "../spec.js";

type None = Record<never, never>;

export const mae: Spec<None> = {
  name: "mae",
  formula: "|e|",
  gradient: "sign e, 0 at 0",
  hessian: "0",
  parameters: {},
  source: "Laplace (1774), Mémoire sur la probabilité des causes par les évènements",
};

export const mse: Spec<None> = {
  name: "mse",
  formula: "e²",
  gradient: "2e",
  hessian: "2",
  parameters: {},
  source: "Gauss (1809), Theoria motus corporum coelestium",
};

export const rmse: Spec<None> = {
  name: "rmse",
  formula: "√mean(e²)",
  gradient: "e/(N r), r the loss; 0 at a perfect fit",
  hessian: "1/(N r) − e²/(N² r³)",
  parameters: {},
  root: true,
  source: "Gauss (1809), Theoria motus corporum coelestium",
};

export const huber: Spec<{ delta: number }> = {
  name: "huber",
  formula: "e²/2 where |e| ≤ δ, δ(|e| − δ/2) beyond",
  gradient: "e clipped to ±δ",
  hessian: "1 where |e| ≤ δ, 0 beyond",
  parameters: { delta: { default: 1, above: 0, to: Infinity } },
  source: "Huber (1964), Robust Estimation of a Location Parameter, doi:10.1214/aoms/1177703732",
};

export const logCosh: Spec<None> = {
  name: "logCosh",
  formula: "log cosh e",
  gradient: "tanh e",
  hessian: "sech² e",
  parameters: {},
  source: "Green (1990), Bayesian Reconstructions from Emission Tomography Data, doi:10.1109/42.52985",
};

export const charbonnier: Spec<{ epsilon: number }> = {
  name: "charbonnier",
  formula: "√(e² + ε²)",
  gradient: "e/√(e² + ε²)",
  hessian: "ε²/(e² + ε²)^(3/2)",
  parameters: { epsilon: { default: 1e-6, above: 0 } },
  source:
    "Charbonnier et al. (1994), Two Deterministic Half-Quadratic Regularization Algorithms, doi:10.1109/ICIP.1994.413553",
};
