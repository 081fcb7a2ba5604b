/** Installs what `npm run test:runtimes` needs and is not there yet. */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import type { Program } from "./programs.js";
import { chromium, firefox, miniBrowser, xvfb } from "./programs.js";
import { runtimes } from "./runtimes.js";

new Command("npm run setup:runtimes")
  .description(
    "Installs what `npm run test:runtimes` needs and is not there yet: Node 20, 22 and 24, Deno, Bun, workerd, Vercel's edge runtime and the bundlers " +
      "as npm packages, into test/runtimes/installed; Chromium, Firefox, WebKitGTK and Xvfb as Debian packages, by apt-get. Browsers that are elsewhere " +
      "are found by CHROMIUM, FIREFOX, MINIBROWSER and XVFB.",
  )
  .parse();

const folder = fileURLToPath(new URL("installed/", import.meta.url));

/** Their packages of Debian's. */
const debian: readonly (readonly [program: Program, name: string])[] = [
  [chromium, "chromium"],
  [firefox, "firefox-esr"],
  [miniBrowser, "webkit2gtk-driver"],
  [xvfb, "xvfb"],
];

function run(why: string, command: string, ...rest: readonly string[]): void {
  console.log(`simdloss: ${why}: ${[command, ...rest].join(" ")}`);
  const { status, error } = spawnSync(command, rest, {
    cwd: folder,
    stdio: "inherit",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status === 0) return;
  console.error(`simdloss: that failed${error === undefined ? "; why is said above" : `: ${error.message}`}`);
  process.exit(1);
}

function changed(file: string): number {
  return statSync(`${folder}${file}`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The names of what is needed and is not there. */
function missing(): readonly string[] {
  const absent = runtimes.flatMap(({ needs }) => needs).filter((program) => program.file() === undefined);
  return [...new Set(absent.map(({ name }) => name))];
}

const packages = missing().filter((name) => !debian.some(([program]) => program.name === name));
if (packages.length > 0 || changed("node_modules/.package-lock.json") < changed("package-lock.json")) {
  const why = packages.length > 0 ? `there is no ${packages.join(", no ")}` : "package-lock.json has changed";
  run(why, "npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel", "error");
}

const browsers = debian.filter(([program]) => program.file() === undefined);
if (browsers.length > 0) {
  const why = `there is no ${browsers.map(([{ name }]) => name).join(", no ")}`;
  const apt = process.getuid?.() === 0 ? ["apt-get"] : ["sudo", "apt-get"];
  const [command = "", ...rest] = apt;
  run("Debian's packages, as they are today", command, ...rest, "update", "--quiet");
  run(
    why,
    command,
    ...rest,
    "install",
    "--yes",
    "--quiet",
    "--no-install-recommends",
    ...browsers.map(([, name]) => name),
  );
}

const lacking = missing();
if (lacking.length > 0) {
  console.error(`simdloss: still there is no ${lacking.join(", no ")}`);
  process.exit(1);
}
console.log(`simdloss: all ${runtimes.length} runtimes are installed; npm run test:runtimes`);
