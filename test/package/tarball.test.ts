/** What is in the package: all that its entries need and nothing else, as the tools that check packages want it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { expect, it } from "vitest";
import { install, root } from "./installed.js";

const { tarball, folder, files, text } = install();
const manifest = JSON.parse(text("package.json"));

/** The targets of an entry, one a condition. */
const targetsOf = (entry: unknown): readonly string[] =>
  typeof entry === "string" ? [entry] : Object.values<string>(Object(entry));

/** The files of the package that a file imports, or that README.md leads to; examples are for who has the repository. */
function linksOf(file: string): readonly string[] {
  const links = /\.md$/.test(file)
    ? text(file).matchAll(/\]\((?!\w+:|examples\/)([^)#]+)/g)
    : /\.(js|d\.ts)$/.test(file)
      ? text(file).matchAll(/\b(?:from|import)\s*\(?"(\.[^"?]+)(?:\?\w+)?"/g)
      : [];
  return [...links].map(([, link = ""]) => {
    const target = posix.join(posix.dirname(file), link);
    return file.endsWith(".d.ts") ? target.replace(/\.js$/, ".d.ts") : target;
  });
}

it("holds what is reached from its entries and README.md, and nothing else", () => {
  const entries = Object.values<unknown>(manifest.exports).flatMap(targetsOf);
  const reached = new Set(["CHANGELOG.md", "LICENSE", "NOTICE", "README.md"]);
  for (const target of entries) if (!target.includes("*")) reached.add(posix.normalize(target));
  for (const file of reached) for (const link of linksOf(file)) reached.add(link);
  expect(files).toEqual([...reached].sort());
});

it("has types for every entry that is imported", () => {
  const without = Object.entries<unknown>(manifest.exports)
    .filter(([, entry]) => typeof entry === "string")
    .map(([name]) => name);
  expect(without).toEqual(["./parallel/worker", "./*.wasm", "./package.json"]);
  for (const entry of Object.values<unknown>(manifest.exports)) {
    if (typeof entry !== "string") expect(Object.keys(Object(entry))[0]).toBe("types");
  }
});

it("has nothing that publint finds", async () => {
  const { messages } = await publint({ pkgDir: folder, strict: true, pack: false });
  expect(messages.map((message) => formatMessage(message, manifest))).toEqual([]);
});

it("has no wrong types, of ESM alone", () => {
  const cli = createRequire(import.meta.url).resolve("@arethetypeswrong/cli/package.json");
  const bin = join(dirname(cli), JSON.parse(readFileSync(cli, "utf8")).bin.attw);
  // The worker is a script for a pool, which nobody imports.
  const options = ["--profile", "esm-only", "--exclude-entrypoints", "parallel/worker", "--format", "ascii"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, tarball, ...options], {
    cwd: root,
    encoding: "utf8",
  });
  expect(status, stdout + stderr).toBe(0);
});
