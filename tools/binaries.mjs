/** Puts the compiled kernels into JavaScript: build/binaries.js, hexadecimal. */
import { readFileSync, writeFileSync } from "node:fs";

const lines = ["f32", "f64"].map(
  (type) => `export const ${type} = "${readFileSync(`build/${type}.wasm`).toString("hex")}";\n`,
);
writeFileSync("build/binaries.js", lines.join(""));
writeFileSync("build/binaries.d.ts", "export const f32: string;\nexport const f64: string;\n");
