import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";
import { writeDigits } from "./plugins/digits.js";
import { formulas } from "./plugins/formulas.js";
import { head } from "./plugins/head.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const pages = ["index", "boundaries", "fit", "reconstruction", "speed"];
const data = path("../out/playground-data");

export default defineConfig((): UserConfig => {
  writeDigits(data);
  return {
    root: path("."),
    base: "./", // so that the site may stand in any folder
    publicDir: data,
    plugins: [head(), formulas()],
    build: {
      outDir: path("../out/playground"),
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0, // the policy lets no font in from an address of its own text
      chunkSizeWarningLimit: 900, // Plot, and the kernels as text; compressed they are a fifth of it
      rolldownOptions: { input: pages.map((page) => path(`${page}.html`)) },
    },
    worker: { format: "es" },
    preview: { host: "127.0.0.1" },
    server: { host: "127.0.0.1" },
  };
});
