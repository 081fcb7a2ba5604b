/** A user's file over TensorFlow.js. */
import { type Scalar, tensor1d } from "@tensorflow/tfjs-core";
import { gaussianKl, huber, softmaxCrossEntropy, ssim } from "simdloss";
import { perceptualLoss, tfjsLoss } from "simdloss/tfjs";

const numbers = tensor1d([1, 2]);
export const scalars: Scalar[] = [
  tfjsLoss(huber, { delta: 0.5 })(numbers, numbers),
  tfjsLoss(softmaxCrossEntropy)(numbers, numbers),
  tfjsLoss(ssim)(numbers, numbers),
  tfjsLoss(gaussianKl)(numbers, numbers),
];
// @ts-expect-error: an option that there is not.
tfjsLoss(huber, { detla: 1 });
// @ts-expect-error: no extractor.
perceptualLoss();
