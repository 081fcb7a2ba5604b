/** What the curves of the playground must be, from the reference and from mathematics. */
import type { Loss } from "simdloss";
import * as reference from "simdloss/reference";
import * as specs from "../../src/losses/index.js";

export type Settings = Readonly<Record<string, number | null>>;

/** Absent where the loss has no such curve. */
export interface Heights {
  readonly value: number;
  readonly grad?: number;
  readonly hess?: number;
}

type ElementName = keyof typeof specs;
const elements: Readonly<Record<ElementName, Loss>> = reference;
const isElement = (name: string): name is ElementName => name in specs && name !== "rmse";

interface Results {
  readonly value: ArrayLike<number>;
  readonly grad: ArrayLike<number>;
  readonly hess: ArrayLike<number>;
}

/** The derivatives by the first number. */
function first({ value, grad, hess }: Results): Heights {
  return { value: value[0] ?? Number.NaN, grad: grad[0] ?? Number.NaN, hess: hess[0] ?? Number.NaN };
}

export function heightsOf(name: string, settings: Settings, x: number): Heights {
  const { y: target, other: second, along, first: one, second: two, ...parameters } = settings;
  const [y, other] = [target ?? 0, second ?? 0];
  const of = (parameter: string): number => settings[parameter] ?? Number.NaN;
  const row = { classes: 2, reduction: "none" } as const;
  if (isElement(name)) return first(elements[name].valueGradHess([x], [y], { ...parameters, reduction: "none" }));
  switch (name) {
    case "rmse": {
      const e = x - y;
      const r = Math.sqrt((e * e + other * other) / 2);
      if (r === 0) return { value: 0, grad: 0, hess: 0 };
      return { value: r, grad: e / (2 * r), hess: 1 / (2 * r) - (e * e) / (4 * r ** 3) };
    }
    case "softmaxCrossEntropy": {
      const options = { ...row, labelSmoothing: of("labelSmoothing") };
      return first(reference.softmaxCrossEntropy.valueGradHess([x, other], [y, 1 - y], options));
    }
    case "klDivergence":
      return first(reference.klDivergence.valueGradHess([x, other], [y, 1 - y], { ...row, epsilon: of("epsilon") }));
    case "klDivergenceWithLogits":
      return first(reference.klDivergenceWithLogits.valueGradHess([x, other], [y, 1 - y], row));
    case "distillation": {
      const options = { ...row, temperature: of("temperature") };
      return first(reference.distillation.valueGradHess([x, other], [y, 0], options));
    }
    case "gaussianKl": {
      const [mean, logVariance] = along === 0 ? [x, y] : [y, x];
      const value = (mean ** 2 + Math.exp(logVariance) - 1 - logVariance) / 2;
      return along === 0 ? { value, grad: x, hess: 1 } : { value, grad: (Math.exp(x) - 1) / 2, hess: Math.exp(x) / 2 };
    }
    case "psnr":
      return { value: 20 * Math.log10(of("peak") / Math.abs(x)) };
    case "perceptual": {
      const [λ1, λ2] = [one ?? 0, two ?? 0];
      return {
        value: λ1 * Math.abs(x) + λ2 * Math.abs(2 * x - 2),
        grad: λ1 * Math.sign(x) + 2 * λ2 * Math.sign(x - 1),
      };
    }
    default:
      throw new Error(`${name}: nothing is expected of it`);
  }
}
