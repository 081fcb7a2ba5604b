/** Puts the compiled kernels into JavaScript, build/binaries.js, hexadecimal, and as they are into dist/. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const lines = ["f32", "f64"].map(
  (type) => `export const ${type} = "${readFileSync(`build/${type}.wasm`).toString("hex")}";\n`,
);
writeFileSync("build/binaries.js", lines.join(""));
writeFileSync("build/binaries.d.ts", "export const f32: string;\nexport const f64: string;\n");
mkdirSync("dist", { recursive: true });
for (const type of ["f32", "f64"]) copyFileSync(`build/${type}.wasm`, `dist/${type}.wasm`);
