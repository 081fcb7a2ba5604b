/** TensorFlow.js on its wasm backend, one thread; loaded only when it is asked for. */
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import scalar from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url";
import threaded from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import { inputs } from "../../bench/inputs.js";
import { formulas } from "../../bench/rivals/tfjsLosses.js";
import { type Contestant, kindOf, type Name } from "./contestants.js";

export async function ready(): Promise<string> {
  const absolute = (path: string): string => new URL(path, location.href).href;
  setWasmPaths({
    "tfjs-backend-wasm.wasm": absolute(scalar),
    "tfjs-backend-wasm-simd.wasm": absolute(simd),
    "tfjs-backend-wasm-threaded-simd.wasm": absolute(threaded),
  });
  tf.enableProdMode();
  await tf.setBackend("wasm");
  return `TensorFlow.js ${tf.version_core}, ${tf.getBackend()} backend`;
}

/** Its tensors are there before it is timed; value and gradient are read back, as one must who wants them. */
export function contestant(name: Name, size: number): Contestant {
  const { prediction, target } = inputs(kindOf(name), size);
  const [x, y] = [tf.tensor1d(prediction), tf.tensor1d(target)];
  const formula = (one: tf.Tensor): tf.Tensor =>
    name === "rmse" ? tf.sqrt(tf.losses.meanSquaredError(y, one)) : tf.mean(formulas[name][0].of(one, y));
  const derive = tf.valueAndGrad(formula);
  let own: ArrayLike<number> = [];
  return {
    run() {
      let mean = Number.NaN;
      tf.tidy(() => {
        const { value, grad } = derive(x);
        [mean = Number.NaN] = value.dataSync();
        own = grad.dataSync();
      });
      return mean;
    },
    grad: () => own,
    end() {
      x.dispose();
      y.dispose();
    },
  };
}
