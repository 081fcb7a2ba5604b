/** The binaries, inlined in the JavaScript: no fetch, no file, the import is synchronous everywhere. */
import { f32, f64 } from "../../build/binaries.js";

/** Compiled on the first call. */
export function compile(type: "f32" | "f64"): WebAssembly.Module {
  return new WebAssembly.Module(decode(type === "f32" ? f32 : f64));
}

/** Two digits a byte: base64 is shorter, but compressed on its way half as long again, as it hides what repeats. */
function decode(digits: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(digits.length / 2);
  for (let k = 0; k < bytes.length; k++) bytes[k] = 16 * digit(digits, 2 * k) + digit(digits, 2 * k + 1);
  return bytes;
}

/** 0–9 and a–f. */
function digit(digits: string, at: number): number {
  const code = digits.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
}
