import * as simdloss from "simdloss";
import { createPool } from "simdloss/parallel";
import * as reference from "simdloss/reference";
import { smoke } from "./smoke.js";

console.log(JSON.stringify(await smoke({ simdloss, reference, createPool })));
