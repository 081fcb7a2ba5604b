/** Installs and builds what is missing or out of date, and says so. Runs before everything is installed: Node's own modules only. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`simdloss needs Node 20.19 or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

function changed(path) {
  if (!existsSync(path)) return 0;
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => changed(join(path, name))));
}

function run(what, command, ...rest) {
  console.log(`simdloss: ${what} …`);
  const started = Date.now();
  const { status } = spawnSync(command, rest, { stdio: "inherit", shell: process.platform === "win32" });
  if (status !== 0) {
    console.error(`simdloss: ${what} failed; "${[command, ...rest].join(" ")}" says why above.`);
    process.exit(status ?? 1);
  }
  console.log(`simdloss: ${what} took ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

const installed = changed("node_modules/.package-lock.json");
if (installed < changed("package-lock.json"))
  run("installing packages", "npm", "install", "--no-save", "--no-audit", "--no-fund");

const sources = [
  "assembly",
  "src",
  "tools/binaries.mjs",
  "tools/worker.mjs",
  "asconfig.json",
  "rolldown.config.mjs",
  "tsconfig.build.json",
  "package.json",
];
const entries = [
  "index.js",
  "workerd.js",
  "edge-light.js",
  "manual.js",
  "reference.js",
  "parallel.js",
  "worker.js",
  "tfjs.js",
];
const built = [...entries, "types/src/index.d.ts"].map((file) => changed(`dist/${file}`));
if (Math.min(...built) < Math.max(...sources.map(changed))) run("building dist/", "npm", "run", "--silent", "build");
