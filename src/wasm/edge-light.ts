/** The binaries of Vercel's edge runtime, which imports modules. */
import f32 from "./f32.wasm?module";
import f64 from "./f64.wasm?module";

export function compile(type: "f32" | "f64"): WebAssembly.Module {
  return type === "f32" ? f32 : f64;
}
