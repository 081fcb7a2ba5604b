/** A process that scans a loss of which one result in a batch is no number, for the test of the command. */
import { serve } from "./serve.js";

serve({
  mae: {
    valueGradHess(prediction, _target, { out }) {
      out.value.set(prediction.map(Math.abs));
      out.grad.set(prediction.map(Math.sign));
      out.hess.set(prediction.map((x) => (Number.isNaN(x) ? x : 0)));
      out.grad[1] = Number.NaN;
    },
  },
});
