/** Posts the report to its server; what it is asked depends on what the server's headers take from the page. */
import * as simdloss from "simdloss";
import { createPool } from "simdloss/parallel";
import * as reference from "simdloss/reference";
import { smoke, smokeWithoutKernels } from "./smoke.js";

const refusal = "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
const suites = {
  all: (entries) => smoke(entries),
  "no-threads": (entries) => smoke(entries, refusal),
  "no-kernels": smokeWithoutKernels,
};
const suite = new URLSearchParams(location.search).get("suite");
suites[suite]({ simdloss, reference, createPool }).then((report) =>
  fetch("/report", { method: "POST", body: JSON.stringify(report) }),
);
