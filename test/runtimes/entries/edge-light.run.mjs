/** Runs the bundle in Vercel's edge runtime, a package beside the file that the first argument names. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";

const { EdgeRuntime } = createRequire(process.argv[2])("edge-runtime");
const folder = new URL("edge-light/", import.meta.url);
const binaries = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
if (binaries.length === 0) throw new Error("the bundle has no binaries beside it");

const runtime = new EdgeRuntime({
  initialCode: readFileSync(new URL("edge-light.js", folder), "utf8"),
  extend(context) {
    for (const name of binaries) {
      context[basename(name, ".wasm")] = new WebAssembly.Module(readFileSync(new URL(name, folder)));
    }
    return context;
  },
});
const response = await runtime.dispatchFetch("http://127.0.0.1/");
console.log(await response.text());
