import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as simdloss from "../src/index.js";
import { imageTable, rowTable, table } from "../tools/table.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

describe("README.md", () => {
  it("has the tables of losses that the specs make; npm run docs writes them", () => {
    expect(readme).toContain(`\n${table()}\n`);
    expect(readme).toContain(`\n${rowTable()}\n`);
    expect(readme).toContain(`\n${imageTable()}\n`);
  });

  const tables = readme.split("\n\n").filter((block) => block.startsWith("| valueAndGrad"));

  it("has a speed table of the losses of elements, and one of those of rows", () => {
    expect(tables.map((table) => table.trimEnd().split("\n").length)).toEqual([12, 7]);
  });

  it.each(tables)("has as many cells in each row of a speed table as in its head %#", (table) => {
    const [head = 0, ...rows] = table
      .trimEnd()
      .split("\n")
      .map((line) => line.split("|").length);
    expect(rows).toEqual(rows.map(() => head));
  });

  const shown = [...readme.matchAll(/^```js\n(.*?)^```$/gms)].flatMap(([, block = ""]) => {
    const lines = block.split("\n");
    return lines.flatMap((line, k) => {
      const [, code, result] = /^([a-zA-Z]+[.(].*); \/\/ (.+)$/.exec(line) ?? [];
      const before = lines.slice(0, k).filter((line) => line.startsWith("const "));
      return code === undefined || result === undefined ? [] : [{ before, code, result }];
    });
  });

  it("shows results", () => expect(shown.length).toBeGreaterThan(7));

  it("shows results of an arena", () => expect(shown.some(({ code }) => code.startsWith("arena."))).toBe(true));

  it.each(shown)("$code gives $result", ({ before, code, result }) => {
    expect(plain(evaluate(code, before))).toEqual(plain(evaluate(`(${result})`)));
  });
});

/** With what the package exports in scope, after the declarations before it. */
function evaluate(code: string, before: readonly string[] = []): unknown {
  const names = Object.keys(simdloss);
  return new Function(...names, `${before.join("\n")}\nreturn ${code};`)(...Object.values(simdloss));
}

/** Typed arrays as arrays, for comparison. */
function plain(thing: unknown): unknown {
  if (thing instanceof Float64Array) return [...thing];
  if (Array.isArray(thing)) return thing.map(plain);
  if (typeof thing !== "object" || thing === null) return thing;
  return Object.fromEntries(Object.entries(thing).map(([name, value]) => [name, plain(value)]));
}
