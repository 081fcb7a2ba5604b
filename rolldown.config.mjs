import { fileURLToPath } from "node:url";
import { defineConfig } from "rolldown";

const inline = fileURLToPath(new URL("src/wasm/inline.ts", import.meta.url));

/** The package's own entry by its name: the kernels are not there twice, and it is the build that the name stands for. */
const byName = {
  name: "by-name",
  resolveId: { filter: { id: /^\.\.\/index\.js$/ }, handler: () => ({ id: "simdloss", external: true }) },
};

/** One file an entry: it starts faster than a tree of them. */
const entry = (name, input, ...plugins) => ({
  input: { [name]: input },
  external: [/^@tensorflow\//],
  resolve: { alias: { "#wasm": inline } },
  plugins,
  output: { dir: "dist", format: "esm", entryFileNames: "[name].js", codeSplitting: false },
});

export default defineConfig([
  entry("index", "src/index.ts"),
  entry("reference", "src/reference/index.ts"),
  entry("parallel", "src/parallel/index.ts"),
  entry("tfjs", "src/tfjs/index.ts", byName),
]);
