/** The README's table of losses, from the specs. `npm run docs` writes it; a test compares. */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import * as specs from "../src/losses/index.js";
import type { Parameter, Spec } from "../src/spec.js";

const START = "<!-- losses: npm run docs -->";
const END = "<!-- end of losses -->";
const order = [
  "mae",
  "mse",
  "rmse",
  "huber",
  "logCosh",
  "charbonnier",
  "bce",
  "bceWithLogits",
  "focal",
  "focalWithLogits",
];

function range({ above, from, below, to }: Parameter): string {
  if (above !== undefined) return `> ${above}`;
  if (below !== undefined) return `in [${from}, ${below})`;
  return to === undefined ? `≥ ${from}` : `in [${from}, ${to}]`;
}

function parameters(spec: { readonly parameters: Readonly<Record<string, Parameter>> }): string {
  return Object.entries<Parameter>(spec.parameters)
    .map(([name, rule]) => `\`${name}\` = ${rule.default}, ${range(rule)}${rule.off ? ` or null: ${rule.off}` : ""}`)
    .join("; ");
}

function domain({ predictions, targets, labels }: Pick<Spec, "predictions" | "targets" | "labels">): string {
  const x = predictions ? `x in [${predictions.join(", ")}]` : "";
  const y = targets ? (labels ? `y is ${targets.join(" or ")}` : `y in [${targets.join(", ")}]`) : "";
  return [x, y].filter(Boolean).join(", ");
}

/** A bar inside a cell would end it. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

export function table(): string {
  const rows = Object.values(specs)
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
    .map((spec) => [`\`${spec.name}\``, spec.formula, spec.gradient, spec.hessian, parameters(spec), domain(spec)]);
  const head = ["loss", "value of one element", "∂/∂x", "∂²/∂x²", "parameters", "domain"];
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");
}

/** The README with the table in its place. */
export function withTable(readme: string): string {
  const [before, rest] = readme.split(START);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`README.md must hold "${START}" and "${END}"`);
  return `${before}${START}\n\n${table()}\n\n${END}${after}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync("README.md", withTable(readFileSync("README.md", "utf8")));
  console.log("README.md: the table of losses is up to date");
}
