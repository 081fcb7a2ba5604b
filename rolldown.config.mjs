import { fileURLToPath } from "node:url";
import { defineConfig } from "rolldown";

/** The package's own entry by its name: the kernels are not there twice, and it is the build that the name stands for. */
const byName = {
  name: "by-name",
  resolveId: { filter: { id: /^\.\.\/index\.js$/ }, handler: () => ({ id: "simdloss", external: true }) },
};

/** Binaries stay imports, of the files beside the bundle. */
const beside = {
  name: "beside",
  resolveId: { filter: { id: /\.wasm(\?module)?$/ }, handler: (id) => ({ id, external: true }) },
};

/** One file an entry: it starts faster than a tree of them. `wasm`: the way in which the binaries arrive, a file of src/wasm. */
const entry = (name, input, wasm = "inline", ...plugins) => ({
  input: { [name]: input },
  external: [/^@tensorflow\//],
  resolve: { alias: { "#wasm": fileURLToPath(new URL(`src/wasm/${wasm}.ts`, import.meta.url)) } },
  // Its paths, where "#wasm" is too, would be taken for every entry.
  tsconfig: false,
  plugins: [beside, ...plugins],
  output: { dir: "dist", format: "esm", entryFileNames: "[name].js", codeSplitting: false },
});

export default defineConfig([
  entry("index", "src/index.ts"),
  entry("workerd", "src/index.ts", "workerd"),
  entry("edge-light", "src/index.ts", "edge-light"),
  entry("manual", "src/manual.ts", "given"),
  entry("reference", "src/reference/index.ts"),
  entry("parallel", "src/parallel/index.ts", "given"),
  entry("tfjs", "src/tfjs/index.ts", "inline", byName),
]);
