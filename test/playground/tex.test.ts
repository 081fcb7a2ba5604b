import katex from "katex";
import { describe, expect, it } from "vitest";
import { texOf } from "../../playground/plugins/tex.js";
import * as rows from "../../src/losses/divergence.js";
import * as elements from "../../src/losses/index.js";
import * as images from "../../src/losses/reconstruction.js";

/** The MathML of a formula, without the TeX that it came from. */
const meaning = (tex: string): string =>
  katex.renderToString(tex, { output: "mathml", strict: "error" }).replace(/<annotation.*?<\/annotation>/s, "");

/** A line may be broken within it. */
const within = (tex: string): string => `\\mathopen(${tex}\\mathclose)`;

/** Written by hand. */
const known = {
  "e²": ["e^2"],
  "2e": ["2e"],
  "(p − y)/(p(1 − p))": [`\\frac{p-y}{p${within("1-p")}}`],
  "y/p² + (1 − y)/(1 − p)²": [`\\frac{y}{p^2}+\\frac{1-y}{{${within("1-p")}}^2}`],
  "ε²/(e² + ε²)^(3/2)": [`\\frac{\\varepsilon^2}{{${within("e^2+\\varepsilon^2")}}^{3/2}}`],
  "e/√(e² + ε²)": ["\\frac{e}{\\sqrt{e^2+\\varepsilon^2}}"],
  "1/(N r) − e²/(N² r³)": ["\\frac{1}{Nr}-\\frac{e^2}{N^2r^3}"],
  "x_k; by y: ½e^y_k": ["x_k", "\\allowbreak\\;\\text{by}\\;\\allowbreak y:\\tfrac12 e^{y_k}"],
  "−y_k/q_k²": ["-\\frac{y_k}{{q_k}^2}"],
  "σ(x) − y, P = Σ y_c": [`\\sigma${within("x")}-y`, "P=\\sum y_c"],
};

it.each(Object.entries(known))("%s", (formula, wanted) => {
  expect(texOf(formula).map(meaning)).toEqual(wanted.map(meaning));
});

it("says which parenthesis is open", () => {
  expect(() => texOf("log(1 − p")).toThrow("log(1 − p: there is no ) for a (");
});

const specs = [...Object.values(elements), ...Object.values(rows), ...Object.values(images)];

describe.each(specs)("$name", (spec) => {
  const formulas = [spec.formula, spec.gradient, ...("hessian" in spec ? [spec.hessian] : [])].filter(Boolean);

  it.each(formulas)("is set whole: %s", (formula) => {
    const text = texOf(formula)
      .map(meaning)
      .join(" ")
      .replace(/<[^>]*>/g, "");
    const letters = (of: string): string => [...(of.match(/[a-zA-Zα-ωΑ-Ω0-9]/g) ?? [])].sort().join("");
    const plain = formula.replace(
      /[²³½₁₂]/g,
      (digit) => ({ "²": "2", "³": "3", "½": "12", "₁": "1", "₂": "2" })[digit] ?? "",
    );
    expect(letters(text.replaceAll("ϵ", "ε").replaceAll("∑", "Σ"))).toBe(letters(plain));
  });
});
