/** The binaries, inlined in the JavaScript: no fetch, no file, the import is synchronous everywhere. */
import { f32, f64 } from "../../build/binaries.js";

/** Compiled on the first call. */
export function compile(type: "f32" | "f64"): WebAssembly.Module {
  return new WebAssembly.Module(decode(type === "f32" ? f32 : f64));
}

function decode(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}
