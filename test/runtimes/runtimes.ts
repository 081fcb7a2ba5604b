/** The runtimes, and how the suite is run in each of them. */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { type Browser, ofChromium, ofFirefox, ofWebKit, visit } from "./browsers.js";
import { node, npm, type Program, run, running } from "./programs.js";
import { type Report, reportOf } from "./report.js";

export interface Runtime {
  readonly name: string;
  /** The first is the one whose version is told. */
  readonly needs: readonly [Program, ...Program[]];
  /** In a project that has the package installed, and entries/ beside smoke.js. */
  run(project: string): Promise<Report>;
}

const deno = npm("deno");
const bun = npm("bun");
const workerd = npm("workerd");
const esbuild = npm("esbuild");
const webpack = npm("webpack", join(".bin", "webpack-cli"));
const edgeRuntime = npm("edge-runtime");

/** Runs a script that prints the report. */
function script(name: string, program: Program, ...rest: readonly string[]): Runtime {
  return {
    name,
    needs: [program],
    run: async (project) => reportOf(await run(project, program, ...rest)),
  };
}

const ofNode = [20, 22, 24].flatMap((major) => [
  script(`node${major}`, node(major), "module.mjs"),
  script(`node${major}-require`, node(major), "require.cjs"),
  script(`node${major}-manual`, node(major), "manual.mjs"),
]);

const ofWorkerd: Runtime = {
  name: "workerd",
  needs: [workerd, esbuild],
  async run(project) {
    const bundle = "workerd.js --bundle --format=esm --conditions=workerd --loader:.wasm=copy --asset-names=[name]";
    await run(project, esbuild, ...bundle.split(" "), "--outdir=workerd");
    return running(project, workerd, ["serve", "workerd.capnp", "--control-fd=3"], async (started) => {
      const port = /"port":(\d+)/.exec(await started.firstLine())?.[1];
      return reportOf(await (await fetch(`http://127.0.0.1:${port}/`)).text());
    });
  },
};

const ofEdge: Runtime = {
  name: "edge-runtime",
  needs: [edgeRuntime, webpack, node(24)],
  async run(project) {
    await run(project, webpack, "--config", "edge-light.config.cjs");
    return reportOf(await run(project, node(24), "edge-light.run.mjs", edgeRuntime));
  },
};

/** From the package's own files, by an import map. */
function page(name: string, browser: Browser, suite?: Parameters<typeof visit>[3]): Runtime {
  return { name, needs: browser.needs, run: (project) => visit(browser, project, "unbundled.html", suite) };
}

/** What it is told makes a folder of its name with page.js in it, or index.html too. */
function bundler(name: string, program: Program, told: string): Runtime {
  return {
    name,
    needs: [program, node(24), ...ofChromium.needs],
    async run(project) {
      await run(project, program, ...told.split(" "));
      const folder = join(project, name);
      if (!existsSync(join(folder, "index.html"))) cpSync(join(project, "index.html"), join(folder, "index.html"));
      return visit(ofChromium, folder, "index.html");
    },
  };
}

const bundlers = [
  bundler("vite", npm("vite"), "build --outDir vite"),
  bundler("webpack", webpack, "--mode production --entry ./page.js --output-path webpack --output-filename page.js"),
  bundler("esbuild", esbuild, "page.js --bundle --minify --format=esm --outfile=esbuild/page.js"),
  bundler("rollup", npm("rollup"), "page.js --plugin node-resolve --format esm --file rollup/page.js"),
];

export const runtimes: readonly Runtime[] = [
  ...ofNode,
  // Without a permission, and without a question for one.
  script("deno", deno, "run", "--no-prompt", "--no-remote", "module.mjs"),
  script("bun", bun, "module.mjs"),
  ofWorkerd,
  ofEdge,
  page("chromium", ofChromium),
  page("chromium-unisolated", ofChromium, "no-threads"),
  page("chromium-no-wasm", ofChromium, "no-kernels"),
  page("firefox", ofFirefox),
  // It has no SharedArrayBuffer, isolated or not.
  page("webkitgtk", ofWebKit, "no-threads"),
  ...bundlers,
];
