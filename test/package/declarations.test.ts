/** The declarations in the package, as the compiler reads them in a strict project that checks its libraries, too. */
import { spawnSync } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { install } from "./installed.js";

const { project } = install();
cpSync(fileURLToPath(new URL("user", import.meta.url)), project, { recursive: true });
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

/** What the compiler says, an error a line. */
function errorsOf(file: string, options: object): readonly string[] {
  const compilerOptions = { strict: true, skipLibCheck: false, noEmit: true, target: "es2022", types: [], ...options };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", "."], { cwd: project, encoding: "utf8" });
  const errors = `${stdout}${stderr}`.split("\n").filter((line) => /^\S/.test(line));
  expect(status === 0).toBe(errors.length === 0);
  return errors;
}

const resolutions = [
  { module: "nodenext", lib: ["es2022", "dom"] },
  { module: "esnext", moduleResolution: "bundler", lib: ["es2022", "webworker"] },
];

it.each(resolutions)("losses have the types that are documented: $module, $lib", (options) => {
  expect(errorsOf("losses.ts", options)).toEqual([]);
});

it("losses over tensors, too; what is wrong is wrong in TensorFlow.js' own declarations", () => {
  const errors = errorsOf("tensors.ts", { module: "nodenext", lib: ["es2022", "dom"] });
  expect(errors.filter((line) => /^(tensors\.ts|node_modules\/simdloss\/)/.test(line))).toEqual([]);
});
