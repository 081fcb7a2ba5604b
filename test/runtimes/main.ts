/** The packed package in every runtime, one after the other; a line for each, and in the end 1 where one has failed. */
import { rmSync } from "node:fs";
import { Command, Option } from "commander";
import { makeProject } from "./project.js";
import { type Runtime, runtimes } from "./runtimes.js";

const names = runtimes.map(({ name }) => name);

const { only = names, strict = process.env.CI === "true" } = new Command("npm run test:runtimes --")
  .description(
    "Packs the package, installs it in a project as a user would, and runs one suite there in each runtime that is installed: known values and " +
      "gradients, the bits of test/bits.json, messages, an Arena, a pool of two threads. `npm run setup:runtimes` installs the others. Ends with 1 " +
      "where something has failed.",
  )
  .addOption(new Option("--only <name...>", "these runtimes only").choices(names))
  .option("--strict", "a runtime that is not installed has failed; so it is where CI=true")
  .addHelpText("after", "\nExample:\n  npm run test:runtimes -- --only deno bun")
  .parse()
  .opts<{ readonly only?: readonly string[]; readonly strict?: true }>();

/** Of a runtime's failures. */
const SHOWN = 5;

const counts = { passed: 0, failed: 0, skipped: 0 };
const width = Math.max(...names.map((name) => name.length));

function line(name: string, version: string, passed: string, failed: string, seconds: string, why = ""): void {
  const cells = [name.padEnd(width), version.padEnd(15), passed.padStart(6), failed.padStart(6), seconds.padStart(7)];
  console.log(`${cells.join("  ")}  ${why}`.trimEnd());
}

async function examine({ name, needs, run }: Runtime, project: string): Promise<void> {
  const missing = needs.filter((program) => program.file() === undefined).map((program) => program.name);
  if (missing.length > 0) {
    counts.skipped++;
    line(name, "", "", "", "", `skipped: no ${missing.join(", no ")}; npm run setup:runtimes installs what is missing`);
    return;
  }
  const started = performance.now();
  const { passed, failures } = await run(project).catch((error: unknown) => ({ passed: 0, failures: [String(error)] }));
  const seconds = (performance.now() - started) / 1000;
  counts[failures.length > 0 ? "failed" : "passed"]++;
  line(name, needs[0].version(), String(passed), String(failures.length), seconds.toFixed(1));
  for (const failure of failures.slice(0, SHOWN)) console.log(failure.replace(/^/gm, "    "));
  if (failures.length > SHOWN) console.log(`    and ${failures.length - SHOWN} more`);
}

console.log("simdloss: packing the package and installing it in a project …");
const project = await makeProject();
process.once("exit", () => rmSync(project, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));

line("runtime", "version", "passed", "failed", "seconds");
for (const runtime of runtimes) if (only.includes(runtime.name)) await examine(runtime, project);
// What CI reads.
console.log(`runtimes: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
if (counts.failed > 0 || (strict && counts.skipped > 0)) process.exitCode = 1;
