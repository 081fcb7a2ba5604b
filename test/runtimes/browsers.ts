/** Browsers: each opens a page, which posts its report. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { chromium, firefox, miniBrowser, type Program, type Running, running, xvfb } from "./programs.js";
import { type Report, reportOf } from "./report.js";
import { type Rights, serve } from "./server.js";

export interface Browser {
  readonly needs: readonly [Program, ...Program[]];
  /** Shows a page until `done` settles; `profile` is a new folder. */
  show(url: string, profile: string, done: Promise<string>): Promise<string>;
}

const quiet = [
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

export const ofChromium: Browser = {
  needs: [chromium],
  show: (url, profile, done) =>
    running(
      profile,
      chromium,
      // Its own sandbox is not to be had in containers, nor for root.
      ["--headless", "--no-sandbox", ...quiet, `--user-data-dir=${profile}`, url],
      () => done,
    ),
};

export const ofFirefox: Browser = {
  needs: [firefox],
  show: (url, profile, done) =>
    running(profile, firefox, ["--headless", "--no-remote", "--profile", profile, url], () => done),
};

/** It has no mode without a screen. */
export const ofWebKit: Browser = {
  needs: [miniBrowser, xvfb],
  show: (url, profile, done) => {
    const browse = async (screen: Running): Promise<string> => {
      const variables = {
        DISPLAY: `:${(await screen.firstLine()).trim()}`,
        WEBKIT_DISABLE_COMPOSITING_MODE: "1",
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
      };
      return running(profile, miniBrowser, [url], () => done, { variables });
    };
    // Longer than the browser: it is the one that says what was wrong.
    return running(profile, xvfb, ["-displayfd", "3", "-nolisten", "tcp"], browse, { seconds: 90 });
  },
};

/** As entries/page.js names them: what a page is asked, and what it is allowed. */
const suites = {
  all: { isolated: true, compiles: true },
  "no-threads": { isolated: false, compiles: true },
  "no-kernels": { isolated: true, compiles: false },
} as const satisfies Record<string, Rights>;

export async function visit(
  { show }: Browser,
  folder: string,
  page: string,
  suite: keyof typeof suites = "all",
): Promise<Report> {
  const profile = mkdtempSync(join(folder, "profile-"));
  const json = await serve(folder, suites[suite], (url, posted) =>
    show(`${url}/${page}?suite=${suite}`, profile, posted),
  );
  return reportOf(json);
}
