/** The built package, by its name, as a user has it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as built from "simdloss";
import * as builtReference from "simdloss/reference";
import { describe, expect, it } from "vitest";
import * as source from "../src/index.js";
import * as imageSpecs from "../src/losses/reconstruction.js";
import * as reference from "../src/reference/index.js";
import { expectBits, expectResults } from "./bits.js";
import { drawFeatures, drawImages, type ImageLosses, shapeOf } from "./images/implementations.js";
import type { Losses } from "./implementations.js";
import { lossesOf, names, reductionsOf, specs, types } from "./implementations.js";
import { drawData } from "./random.js";
import {
  drawRows,
  kinds,
  type RowLosses,
  rowNames,
  rowSettings,
  rowSpecs,
  rowsOf,
  showSettings,
  titleOf,
} from "./rows/implementations.js";
import { expectRows } from "./rows/results.js";

const require = createRequire(import.meta.url);
const root = new URL("../", import.meta.url);

const common = [
  "bce",
  "bceWithLogits",
  "charbonnier",
  "distillation",
  "focal",
  "focalWithLogits",
  "gaussianKl",
  "huber",
  "klDivergence",
  "klDivergenceWithLogits",
  "logCosh",
  "mae",
  "mergeTotals",
  "mse",
  "perceptual",
  "psnr",
  "rmse",
  "softmaxCrossEntropy",
  "ssim",
];

const measures = ["perceptual", "psnr", "ssim"] as const;

type All = Losses & RowLosses & ImageLosses;

/** The reference has no wasm memory to lend. */
const entries: readonly { entry: string; module: All; of: All; documented: readonly string[] }[] = [
  { entry: "simdloss", module: built, of: source, documented: ["Arena", ...common] },
  { entry: "simdloss/reference", module: builtReference, of: reference, documented: common },
];

describe.each(entries)("$entry", ({ entry, module, of, documented }) => {
  it("exports what is documented and nothing else", () => {
    expect(Object.keys(module).sort()).toEqual(documented);
    expect(Object.keys(of).sort()).toEqual(documented);
  });

  it("can be required", () => {
    const required: unknown = require(entry);
    expect(Object.keys(Object(required)).sort()).toEqual(documented);
    const huber: unknown = Reflect.get(Object(required), "huber");
    if (typeof huber !== "function") throw new Error("no function");
    expect(huber([0.5, 4], [0, 0])).toBe(1.8125);
  });

  it.each(names)("has the same %s as the source", (name) => {
    const [packed, plain] = [lossesOf(module)[name], lossesOf(of)[name]];
    for (const Type of types) {
      const { prediction, target, weights } = drawData(specs[name], Type, 67);
      for (const reduction of reductionsOf(specs[name])) {
        const options = { reduction, weights };
        const got = packed.valueGradHess(prediction, target, options);
        // Where they differ, dist/ may be out of date: npm run build.
        expectResults(got, plain.valueGradHess(prediction, target, options), reduction);
      }
    }
  });

  it.each(kinds.map((kind) => ({ ...kind, title: titleOf(kind) })))("has the same $title as the source", (kind) => {
    const [packed, plain] = [rowsOf(module)[kind.name], rowsOf(of)[kind.name]];
    for (const Type of types) {
      const batch = drawRows(kind, Type, 67, 10);
      const { prediction, target, weights } = batch;
      for (const settings of rowSettings(kind, batch)) {
        for (const reduction of ["mean", "sum", "none"] as const) {
          const options = { ...batch.options, ...settings, reduction, weights };
          const got = packed.valueGradHess(prediction, target, options);
          // Where they differ, dist/ may be out of date: npm run build.
          expectRows(got, plain.valueGradHess(prediction, target, options), `${reduction} ${showSettings(settings)}`);
        }
      }
    }
  });

  it.each(types.map((Type) => ({ Type, title: Type.name })))(
    "has the same perceptual, psnr and ssim as the source: $title",
    ({ Type }) => {
      const { prediction, target, shape } = drawImages(Type, shapeOf(24, 45, 3, 2));
      // Where they differ, dist/ may be out of date: npm run build.
      const [got, expected] = [module, of].map(({ ssim }) =>
        ssim.valueAndGrad(prediction, target, { ...shape, peak: 2 }),
      );
      expect(got?.value).toBe(expected?.value);
      expectBits(got?.grad ?? prediction, expected?.grad ?? target);
      expect(module.psnr(prediction, target, { peak: 2 })).toBe(of.psnr(prediction, target, { peak: 2 }));

      const { features, targetFeatures } = drawFeatures(Type, [67, 5]);
      for (const reduction of ["mean", "sum", "none"] as const) {
        const options = { layerWeights: [0.1, 2], reduction };
        const layers = module.perceptual.valueGradHess(features, targetFeatures, options);
        expect(layers).toEqual(of.perceptual.valueGradHess(features, targetFeatures, options));
      }
    },
  );

  it.each([...names, ...rowNames, ...measures])("has the spec of %s attached", (name) => {
    const loss = module[name];
    const { formula, source, parameters } = { ...specs, ...rowSpecs, ...imageSpecs }[name];
    expect(loss.name).toBe(name);
    expect({ formula: loss.formula, source: loss.source, parameters: loss.parameters }).toEqual({
      formula,
      source,
      parameters,
    });
    expect(source).toMatch(/\(\d{4}\)/);
  });
});

describe("dist/", () => {
  it("has a reference without WebAssembly", () => {
    const text = readFileSync(new URL("dist/reference.js", root), "utf8");
    expect(text).not.toMatch(/\bWebAssembly\.|\batob\b|AGFzbQ/);
    expect(readFileSync(new URL("dist/index.js", root), "utf8")).toMatch(/\bWebAssembly\./);
  });

  it.each(["index", "reference"])("has an entry %s of one file, without imports", (entry) => {
    const text = readFileSync(new URL(`dist/${entry}.js`, root), "utf8");
    expect(text).not.toMatch(/^\s*import\b|\brequire\(/m);
  });
});

interface Example {
  readonly file: string;
  readonly code: string;
  readonly result: string;
}

/** The `@example`s of a file: code, and in the comment that ends it, its result. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(new URL(file, root), "utf8").replace(/^ \* ?/gm, "");
  return [...text.matchAll(/^@example\s+([^@/]*); \/\/ (.*)$/gm)].map(([, code = "", result = ""]) => ({
    file,
    code,
    result,
  }));
}

/** With the losses in scope, the value of the last expression. */
function run(losses: object, code: string): unknown {
  const scope = Object.entries(losses);
  const statements = code.split("\n");
  const last = statements.pop();
  const body = [...statements, `return ${last};`].join("\n");
  return Reflect.construct(Function, [...scope.map(([name]) => name), body])(...scope.map(([, loss]) => loss));
}

const examples = ["src/index.ts", "src/total.ts", "src/arena.ts"].flatMap(examplesOf);

describe("the examples in the docstrings", () => {
  it("are one for each export", () => {
    expect(examples.length).toBe(Object.keys(source).length);
    const all = [...names, ...rowNames, ...measures];
    expect(all.filter((name) => !examples.some(({ code }) => code.startsWith(`${name}(`)))).toEqual([]);
    expect(examples.filter(({ file }) => file === "src/arena.ts").length).toBe(1);
  });

  it.each(examples)("$code gives $result", ({ code, result }) => {
    // "√12.5 = 3.5355339059327378" is 3.5355339059327378; "Float64Array [1, 2]" is an array; "14 / 3" is a number.
    const expected = run({}, result.replace(/^.* = /, "").replace(/^(Float\d\dArray) (\[.*\])$/, "$1.from($2)"));
    expect(run(built, code)).toEqual(expected);
    expect(run(source, code)).toEqual(expected);
  });
});
