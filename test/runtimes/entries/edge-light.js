import * as simdloss from "simdloss";
import { createPool } from "simdloss/parallel";
import * as reference from "simdloss/reference";
import { smoke } from "./smoke.js";

const answer = async () =>
  Response.json(await smoke({ simdloss, reference, createPool }, "this runtime has no workers"));
addEventListener("fetch", (event) => event.respondWith(answer()));
