import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { create } from "simdloss/manual";
import { createPool } from "simdloss/parallel";
import * as reference from "simdloss/reference";
import { smoke } from "./smoke.js";

const modules = ["regression", "classification", "rows"]
  .flatMap((family) => [`${family}.f32`, `${family}.f64`])
  .map((name) => fileURLToPath(import.meta.resolve(`simdloss/${name}.wasm`)))
  .map((file) => new WebAssembly.Module(readFileSync(file)));
const simdloss = create(...modules);
console.log(JSON.stringify(await smoke({ simdloss, reference, createPool })));
