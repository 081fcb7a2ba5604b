/** What a page pays for: the bundle of what it imports, minified and compressed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";
import { rolldown } from "rolldown";
import { describe, expect, it } from "vitest";
import * as imageSpecs from "../../src/losses/reconstruction.js";
import { names, specs } from "../implementations.js";
import { rowNames, rowSpecs } from "../rows/implementations.js";
import { install } from "./installed.js";

/** Bytes of the bundle in brotli, both types' kernels included, and of a binary as it is. */
const BUNDLE = 30_000;
const BINARY = 100_000;
/** Of what is left of an import that is not used. */
const UNUSED = 100;

const { project, folder, files } = install();
const wasm = files.filter((file) => file.endsWith(".wasm"));
const external = [/^@tensorflow\//];

const bundlers = {
  async rolldown(code: string): Promise<string> {
    const source = {
      name: "source",
      resolveId: (id: string) => (id === "source" ? join(project, "source.js") : null),
      load: (id: string) => (id === join(project, "source.js") ? code : null),
    };
    const bundle = await rolldown({ input: "source", external, plugins: [source], logLevel: "silent" });
    const { output } = await bundle.generate({ minify: true });
    return output[0].code;
  },
  async esbuild(code: string): Promise<string> {
    const { outputFiles } = await build({
      stdin: { contents: code, resolveDir: project },
      bundle: true,
      minify: true,
      format: "esm",
      charset: "utf8",
      write: false,
      external: ["@tensorflow/*"],
      logLevel: "silent",
    });
    return outputFiles[0]?.text ?? "";
  },
};

const compressed = (text: string): number => brotliCompressSync(text).length;

/** The binaries, hexadecimal as they are in the bundle, and what they take there. */
const inlined = wasm.map((file) => {
  const digits = readFileSync(join(folder, file)).toString("hex");
  return { file, digits, bytes: compressed(digits) };
});

/** What takes how much. Together that is some 2 % more than the bundle takes whole. */
function sharesOf(bundle: string): readonly { readonly file: string; readonly bytes: number }[] {
  const here = inlined.filter(({ digits }) => bundle.includes(digits));
  const script = here.reduce((text, { digits }) => text.replace(digits, ""), bundle);
  return [{ file: "JavaScript", bytes: compressed(script) }, ...here];
}

const shown = (bundle: string): string =>
  sharesOf(bundle)
    .map(({ file, bytes }) => `${file} ${bytes}`)
    .join(", ");

const all = { ...specs, ...rowSpecs, ...imageSpecs };
const measures = ["perceptual", "psnr", "ssim"] as const;
const losses = [...names, ...rowNames, ...measures];

/** What is made of another loss. */
const parts: Partial<Record<string, readonly (typeof losses)[number][]>> = { perceptual: ["mae"], psnr: ["rmse"] };
/** Whose kernels come together. */
const families: Readonly<Record<string, readonly string[]>> = {
  regression: ["mae", "mse", "rmse", "huber", "logCosh", "charbonnier", "perceptual", "psnr"],
  classification: ["bce", "bceWithLogits", "focal", "focalWithLogits"],
  rows: [...rowNames, "ssim"],
};

describe.each(Object.entries(bundlers))("bundled by %s", (_, bundle) => {
  it("huber is within the budget", async () => {
    const text = await bundle('export { huber } from "simdloss";');
    expect(compressed(text), shown(text)).toBeLessThanOrEqual(BUNDLE);
    expect(text).not.toMatch(/ignoreIndex|classWeights|weighRows|STRIP/);
  });

  it.each(losses)("%s is within the budget, and drags in no other loss nor another family's kernels", async (name) => {
    const text = await bundle(`export { ${name} } from "simdloss";`);
    const shares = sharesOf(text);
    const bytes = shares.reduce((sum, share) => sum + share.bytes, 0);
    expect(bytes, shown(text)).toBeLessThanOrEqual(BUNDLE);
    const family = Object.keys(families).find((family) => families[family]?.includes(name));
    const binaries = wasm.filter((file) => file.startsWith(`dist/${family}.`));
    expect(shares.map(({ file }) => file)).toEqual(["JavaScript", ...binaries]);
    const formulas = [name, ...(parts[name] ?? [])].map((own) => all[own].formula);
    expect(formulas.filter((formula) => !text.includes(formula))).toEqual([]);
    // What mae and mse have for formulas, others have within theirs.
    const others = losses.filter((other) => !formulas.some((formula) => formula.includes(all[other].formula)));
    expect(others.filter((other) => text.includes(all[other].formula))).toEqual([]);
  });

  it.each(["", "/reference", "/parallel", "/manual", "/tfjs"])(
    "an import of simdloss%s that is not used leaves next to nothing",
    async (entry) => {
      const module: object = await import(`simdloss${entry}`);
      const [name = ""] = Object.keys(module);
      expect((await bundle(`import { ${name} } from "simdloss${entry}";`)).length).toBeLessThan(UNUSED);
      expect((await bundle(`export { ${name} } from "simdloss${entry}";`)).length).toBeGreaterThan(UNUSED);
    },
  );
});

it.each(wasm)("%s is within the budget", (file) => {
  expect(readFileSync(join(folder, file)).length).toBeLessThanOrEqual(BINARY);
});
