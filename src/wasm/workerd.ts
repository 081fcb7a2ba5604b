/** The binaries of Cloudflare's workerd, which compiles nothing in a handler: it imports modules. */
import f32 from "./f32.wasm";
import f64 from "./f64.wasm";

export function compile(type: "f32" | "f64"): WebAssembly.Module {
  return type === "f32" ? f32 : f64;
}
