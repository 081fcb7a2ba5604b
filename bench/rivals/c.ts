/** The C loops of ../native. */
import { build, Native, type Variant } from "../native/native.js";
import { type Contestant, wellAdded } from "./task.js";

/** Throws where it cannot be built. */
export function native(variant: Variant): Contestant {
  const built = build(variant);
  if (built.program === undefined) throw new Error(built.reason);
  const child = new Native(built.program);
  return {
    name: `C ${variant}`,
    version: built.compiler,
    tolerance: wellAdded,
    async start({ loss, rows, length, prediction, target }) {
      await child.load(loss, [prediction, target], [rows, length]);
      const value = await child.value();
      const grad = await child.grad();
      const n = prediction.length;
      return {
        value,
        grads: loss === "gaussianKl" ? [grad.subarray(0, n), grad.subarray(n)] : [grad],
        time: async (milliseconds) => (await child.time(milliseconds)).median,
        close() {},
      };
    },
    close: () => child.close(),
  };
}
