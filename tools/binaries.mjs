/** Compiles the kernels, a binary for each family and type: into build/ and dist/, and into JavaScript, hexadecimal, build/binaries.js. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { main } from "assemblyscript/asc";

/**
 * No more locals than there are values at a time, and the busy ones first: a quarter less in brotli (huber 15.9 KB instead of 20.9), as fast. asc does so too at
 * `--optimizeLevel 3` or with a shrink level, but with what makes light losses take 10 to 30 % longer.
 */
const PASSES = "coalesce-locals,reorder-locals";

/** Bytes of the first page for each binary's tables: all may be over one memory. */
const SHARE = 8192;

mkdirSync("dist", { recursive: true });
const constants = [];
for (const family of ["regression", "classification", "rows"]) {
  for (const type of ["f32", "f64"]) {
    const name = `${family}.${type}`;
    const entries = [family, name].slice(0, type === "f32" ? 1 : 2).map((entry) => `assembly/families/${entry}.ts`);
    const output = ["--outFile", `build/${name}.wasm`, "--textFile", `build/${name}.wat`];
    const base = constants.length * SHARE;
    const place = ["--memoryBase", String(base), "--lowMemoryLimit", String(base + SHARE)];
    const { error } = await main([...entries, "--target", type, "--runPasses", PASSES, ...place, ...output], {
      stderr: process.stderr,
    });
    // What is wrong it has said.
    if (error) process.exit(1);
    const binary = readFileSync(`build/${name}.wasm`);
    copyFileSync(`build/${name}.wasm`, `dist/${name}.wasm`);
    constants.push({ name: `${family}${type.toUpperCase()}`, digits: binary.toString("hex") });
  }
}
writeFileSync(
  "build/binaries.js",
  constants.map(({ name, digits }) => `export const ${name} = "${digits}";\n`).join(""),
);
writeFileSync("build/binaries.d.ts", constants.map(({ name }) => `export const ${name}: string;\n`).join(""));
