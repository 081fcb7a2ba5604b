/** The binaries, inlined in the JavaScript: no fetch, no file, the import is synchronous everywhere. */
import * as digits from "../../build/binaries.js";
import type { Family } from "../engine.js";

// Each by itself, so that bundlers leave out the families of which there is no loss.
export const regression: Family<"regression"> = {
  kind: "regression",
  f32: () => compile(digits.regressionF32),
  f64: () => compile(digits.regressionF64),
};
export const classification: Family<"classification"> = {
  kind: "classification",
  f32: () => compile(digits.classificationF32),
  f64: () => compile(digits.classificationF64),
};
export const rows: Family<"rows"> = {
  kind: "rows",
  f32: () => compile(digits.rowsF32),
  f64: () => compile(digits.rowsF64),
};

function compile(digits: string): WebAssembly.Module {
  return new WebAssembly.Module(decode(digits));
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
