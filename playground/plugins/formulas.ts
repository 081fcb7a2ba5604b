/** The specs' formulas as markup, rendered when the site is built: the page needs KaTeX's style sheet and fonts, not KaTeX. */
import katex from "katex";
import type { Plugin } from "vite";
import * as rows from "../../src/losses/divergence.js";
import * as elements from "../../src/losses/index.js";
import * as images from "../../src/losses/reconstruction.js";
import { texOf } from "./tex.js";

const specs = [...Object.values(elements), ...Object.values(rows), ...Object.values(images)];

const rendered = (formula: string): readonly string[] =>
  texOf(formula).map((tex) => katex.renderToString(`\\displaystyle ${tex}`, { strict: "error" }));

/** By a loss's name: of each formula its clauses. */
export function formulas(): Plugin {
  const name = "virtual:formulas";
  return {
    name: "formulas",
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load(id) {
      if (id !== `\0${name}`) return undefined;
      const entries = specs.map((spec) => [
        spec.name,
        {
          value: rendered(spec.formula),
          grad: rendered(spec.gradient),
          hess: "hessian" in spec ? rendered(spec.hessian) : [],
        },
      ]);
      return `export default ${JSON.stringify(Object.fromEntries(entries))};`;
    },
  };
}
