/** What stands at the head of every page. */
import type { HtmlTagDescriptor, Plugin } from "vite";

/** Nothing from elsewhere; WebAssembly may be compiled, strings may not be run. Styles in attributes are KaTeX's and the charts'. */
const policy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "worker-src 'self'",
].join("; ");

const icon =
  "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path d='M1 2Q8 27 15 2' fill='none' stroke='#2b6cb0' stroke-width='2'/></svg>";

const meta = (attrs: Record<string, string>): HtmlTagDescriptor => ({ tag: "meta", attrs, injectTo: "head-prepend" });

export function head(): Plugin {
  return {
    name: "head",
    transformIndexHtml: () => [
      meta({ charset: "utf-8" }),
      meta({ name: "viewport", content: "width=device-width, initial-scale=1" }),
      meta({ "http-equiv": "Content-Security-Policy", content: policy }),
      meta({ name: "color-scheme", content: "light dark" }),
      { tag: "link", attrs: { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }, injectTo: "head" },
      {
        tag: "noscript",
        children: "This page computes losses in your browser, and needs JavaScript for it.",
        injectTo: "body",
      },
    ],
  };
}
