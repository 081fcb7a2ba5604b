/** What is around every page. */
import "../style.css";
import { type ComponentType, render } from "preact";
import { useState } from "preact/hooks";
import { shared } from "./address.js";
import { type Losses, load } from "./losses.js";

const pages = {
  losses: ["./", "Losses"],
  boundaries: ["./boundaries.html", "Decision boundaries"],
  fit: ["./fit.html", "Robust fit"],
  reconstruction: ["./reconstruction.html", "Reconstruction"],
  speed: ["./speed.html", "Speed"],
} as const;

export interface Given {
  readonly losses: Losses;
  /** WebAssembly may not run here; the losses are the reference's. */
  readonly refused: boolean;
}

/** Shows a page once the losses are there. */
export async function show(name: keyof typeof pages, Content: ComponentType<Given>): Promise<void> {
  const { losses, refused } = await load();
  render(
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header>
        <a class="brand" href="./">
          simdloss
        </a>
        <nav aria-label="Pages">
          {Object.entries(pages).map(([key, [href, title]]) => (
            <a key={key} href={href} aria-current={key === name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <div class="tools">
          <Share />
          <Theme />
        </div>
      </header>
      <main id="content">
        {refused !== undefined && <Refusal said={refused} />}
        <Content losses={losses} refused={refused !== undefined} />
      </main>
    </>,
    document.body,
  );
}

function Refusal({ said }: { readonly said: string }) {
  return (
    <p class="notice" role="alert">
      WebAssembly does not run here, so everything on this page is computed by <code>simdloss/reference</code>, the same
      losses in plain TypeScript, which are slower. A Content Security Policy must allow <code>'wasm-unsafe-eval'</code>{" "}
      for it. The browser says: {said}
    </p>
  );
}

function Share() {
  const [said, setSaid] = useState("");
  const share = async (): Promise<void> => {
    const address = shared();
    await navigator.clipboard.writeText(address).then(
      () => setSaid("Address copied"),
      () => setSaid("It is in the address bar"),
    );
    setTimeout(() => setSaid(""), 2000);
  };
  return (
    <>
      <span class="said" role="status">
        {said}
      </span>
      <button type="button" onClick={share} title="Copies the address of what you see">
        Share
      </button>
    </>
  );
}

const themes = { auto: "light dark", light: "light", dark: "dark" } as const;
type ThemeName = keyof typeof themes;
const next: Readonly<Record<ThemeName, ThemeName>> = { auto: "light", light: "dark", dark: "auto" };

/** What was chosen the last time; a browser may keep nothing. */
function remembered(): ThemeName {
  try {
    const name = localStorage.getItem("theme");
    return name === "light" || name === "dark" ? name : "auto";
  } catch {
    return "auto";
  }
}

function wear(name: ThemeName): void {
  document.documentElement.style.colorScheme = themes[name];
  try {
    localStorage.setItem("theme", name);
  } catch {
    // It is then chosen again the next time.
  }
}

function Theme() {
  const [name, setName] = useState(remembered);
  wear(name);
  return (
    <button type="button" onClick={() => setName(next[name])} title="Light, dark, or as the system is">
      Theme: {name}
    </button>
  );
}
