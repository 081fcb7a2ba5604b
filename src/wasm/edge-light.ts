/** The binaries of Vercel's edge runtime, which imports modules. */
import type { Family } from "../engine.js";
import classificationF32 from "./classification.f32.wasm?module";
import classificationF64 from "./classification.f64.wasm?module";
import regressionF32 from "./regression.f32.wasm?module";
import regressionF64 from "./regression.f64.wasm?module";
import rowsF32 from "./rows.f32.wasm?module";
import rowsF64 from "./rows.f64.wasm?module";

export const regression: Family<"regression"> = {
  kind: "regression",
  f32: () => regressionF32,
  f64: () => regressionF64,
};
export const classification: Family<"classification"> = {
  kind: "classification",
  f32: () => classificationF32,
  f64: () => classificationF64,
};
export const rows: Family<"rows"> = { kind: "rows", f32: () => rowsF32, f64: () => rowsF64 };
