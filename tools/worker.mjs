/** Bundles what runs in a pool's workers: dist/worker.js, and its text for JavaScript: build/worker.js. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const { output } = await build({
  input: "src/parallel/worker.ts",
  // It is posted the binaries; where tsconfig.json says they are is for everything else.
  resolve: { alias: { "#wasm": fileURLToPath(new URL("../src/wasm/given.ts", import.meta.url)) } },
  tsconfig: false,
  output: { dir: "dist", format: "esm", minify: true },
});
// A function: bundlers write a constant down wherever it is used.
writeFileSync("build/worker.js", `export const text = () => ${JSON.stringify(output[0].code)};\n`);
writeFileSync("build/worker.d.ts", "export function text(): string;\n");
