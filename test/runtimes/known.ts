/** Values and gradients that can be worked out on paper. */
type Losses = Omit<typeof import("../../src/index.js"), "Arena">;

interface Known {
  readonly loss: keyof Losses;
  /** What is returned, and all numbers in it, in order. */
  readonly got: (losses: Losses) => unknown;
  readonly expected: readonly number[];
  /** What the README grants, relative to each number: 1e-14 where nothing is said. */
  readonly within?: number;
}

const { LN2 } = Math;
const label = { classes: 2 } as const;

/** Two gray images, each of one shade; their constants are those of `ssim` for `peak` = 1. */
const white = new Float64Array(256).fill(1);
const gray = new Float64Array(256).fill(0.5);
const square = { width: 16, height: 16 } as const;

export const known: readonly Known[] = [
  { loss: "mae", got: ({ mae }) => mae.valueAndGrad([1, 5], [2, 2]), expected: [2, -0.5, 0.5] },
  { loss: "mse", got: ({ mse }) => mse.valueAndGrad([1, 5], [2, 2]), expected: [5, -1, 3] },
  {
    loss: "rmse",
    got: ({ rmse }) => rmse.valueAndGrad([3, 0], [0, 4]),
    expected: [Math.sqrt(12.5), 3 / Math.sqrt(50), -4 / Math.sqrt(50)],
  },
  { loss: "huber", got: ({ huber }) => huber.valueAndGrad([0.5, 4], [0, 0]), expected: [1.8125, 0.25, 0.5] },
  // cosh ln 2 = 5/4
  { loss: "logCosh", got: ({ logCosh }) => logCosh.valueAndGrad([LN2], [0]), expected: [0.22314355131420976, 0.6] },
  {
    loss: "charbonnier",
    got: ({ charbonnier }) => charbonnier.valueAndGrad([3], [0], { epsilon: 4 }),
    expected: [5, 0.6],
  },
  { loss: "bce", got: ({ bce }) => bce.valueAndGrad([0.5, 0.5], [1, 0]), expected: [LN2, -1, 1] },
  {
    loss: "bceWithLogits",
    got: ({ bceWithLogits }) => bceWithLogits.valueAndGrad([0, 0], [1, 0]),
    expected: [LN2, -0.25, 0.25],
  },
  {
    loss: "focal",
    got: ({ focal }) => focal.valueAndGrad([0.5], [1], { alpha: null }),
    expected: [LN2 / 4, -0.5 - LN2],
  },
  {
    loss: "focalWithLogits",
    got: ({ focalWithLogits }) => focalWithLogits.valueAndGrad([0], [1], { alpha: null }),
    expected: [LN2 / 4, -0.125 - LN2 / 4],
  },
  {
    loss: "softmaxCrossEntropy",
    got: ({ softmaxCrossEntropy }) => softmaxCrossEntropy.valueAndGrad([0, 0], Int32Array.of(0)),
    expected: [LN2, -0.5, 0.5],
  },
  {
    loss: "klDivergence",
    got: ({ klDivergence }) => klDivergence.valueAndGrad([0.5, 0.5], [1, 0], label),
    expected: [LN2, -2, 0],
  },
  {
    loss: "klDivergenceWithLogits",
    got: ({ klDivergenceWithLogits }) => klDivergenceWithLogits.valueAndGrad([0, 0], [1, 0], label),
    expected: [LN2, -0.5, 0.5],
  },
  {
    loss: "distillation",
    got: ({ distillation }) => distillation.valueAndGrad([0, 0], [0, 1000], label),
    expected: [LN2, 0.5, -0.5],
  },
  {
    loss: "gaussianKl",
    got: ({ gaussianKl }) => gaussianKl.valueAndGrad([3, 0], [0, LN2], { latent: 2 }),
    expected: [5 - LN2 / 2, 3, 0, 0, 0.5],
  },
  {
    loss: "perceptual",
    got: ({ perceptual }) => perceptual.valueAndGrad([[1, 5], [2]], [[2, 2], [0]], { layerWeights: [1, 0.5] }),
    expected: [3, -0.5, 0.5, 0.5],
  },
  { loss: "psnr", got: ({ psnr }) => psnr([0.1, 0.9], [0, 1]), expected: [20] },
  { loss: "ssim", got: ({ ssim }) => ssim(white, gray, square), expected: [1.0001 / 1.2501] },
  {
    // By the shade: the gradient's sum.
    loss: "ssim",
    got: ({ ssim }) => ssim.grad(white, gray, square).reduce((sum, x) => sum + x, 0),
    expected: [-0.7501 / 1.2501 ** 2],
    within: 1e-12,
  },
  {
    loss: "mergeTotals",
    got: ({ mergeTotals, mse }) => mse.fromTotal(mergeTotals(mse.total([1, 2], [0, 0]), mse.total([3], [0]))),
    expected: [14 / 3],
  },
];
