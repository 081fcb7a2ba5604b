/** A page for each loss: its formulas, its curves, and the call that gives their heights. */
import "katex/dist/katex.min.css";
import "./losses.css";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Field, number, oneOf, useAddress } from "../shell/address.js";
import { Check, Choice, Code, Slider, shown } from "../shell/controls.js";
import { still, useFrames } from "../shell/motion.js";
import { type Given, show } from "../shell/page.js";
import { Charts, titles } from "./charts.js";
import { heightsAt, type Order, orders, type Shown, shownOf } from "./curves.js";
import { groups, type Section, type Setting, type Settings, sections } from "./sections.js";

const names = sections.map(({ name }) => name);
const namesByGroup: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  groups.map((group) => [group, sections.filter((section) => section.group === group).map(({ name }) => name)]),
);

const sectionOf = (name: string): Section | undefined => sections.find((section) => section.name === name);

function Losses({ losses }: Given) {
  const [{ loss, against }, change] = useAddress({
    loss: oneOf("huber", names),
    against: oneOf("none", ["none", ...names]),
  });
  const section = sectionOf(loss) ?? sections[0];
  if (section === undefined) throw new Error("there is no loss");
  const other = sectionOf(against);
  const [settings, changeSettings] = useSettings(section, "");
  const [otherSettings, changeOther] = useSettings(other, "against.");
  const [x, setX] = usePlace(section);
  const curves: readonly Shown[] = useMemo(
    () => [shownOf(losses, section, settings), ...(other ? [shownOf(losses, other, otherSettings)] : [])],
    [losses, section, other, JSON.stringify([settings, otherSettings])],
  );
  useEffect(() => {
    document.title = `${section.name} · simdloss`;
  }, [section]);

  const at = curves.map((curve) => heightsAt(losses, curve, x));

  return (
    <>
      <Index current={section.name} />
      <div class="split losses">
        <div class="stack">
          <About section={section} />
          <div class="panel settings">
            <Sliders section={section} settings={settings} onChange={changeSettings} />
            <Choice
              label="Compare with"
              value={against}
              choices={{ "": ["none"], ...namesByGroup }}
              onChange={(name) => change({ against: name })}
            />
            {other && <Sliders section={other} settings={otherSettings} onChange={changeOther} />}
          </div>
        </div>
        <div class="stack">
          <Charts curves={curves} at={at} x={x} onX={setX} />
          <Sweep section={section} x={x} onX={setX} />
          <ReadOut curves={curves} at={at} x={x} />
        </div>
      </div>
    </>
  );
}

/** Where the curves are read, in the address as all else; where nothing is said, a quarter of the way from the right. */
function usePlace({ from, to }: Section): [number, (x: number) => void] {
  const [{ x }, change] = useAddress({ x: number(from + 0.75 * (to - from), from, to) });
  // Three digits of the window: finer than a pixel.
  const fine = 10 ** Math.ceil(3 - Math.log10(to - from));
  return [x, (place) => change({ x: Math.min(to, Math.max(from, Math.round(place * fine) / fine)) })];
}

function useSettings(section: Section | undefined, prefix: string): [Settings, (changes: Settings) => void] {
  const entries = Object.entries(section?.settings ?? {});
  const [values, change] = useAddress(
    Object.fromEntries(entries.map(([name, rule]) => [prefix + name, fieldOf(rule)])),
  );
  return [
    Object.fromEntries(entries.map(([name]) => [name, values[prefix + name] ?? null])),
    (changes) => change(Object.fromEntries(Object.entries(changes).map(([name, value]) => [prefix + name, value]))),
  ];
}

function fieldOf({ usual, from, to, off }: Setting): Field<number | null> {
  const { read } = number(usual ?? from, from, to);
  return {
    usual,
    read: (text) => (text === "off" && off !== undefined ? null : read(text)),
    write: (value) => (value === null ? "off" : String(value)),
  };
}

/** Links, so that each loss has a page that one can go to, keep and go back from. */
function Index({ current }: { readonly current: string }) {
  return (
    <nav class="index" aria-label="Losses">
      {Object.entries(namesByGroup).map(([group, members]) => (
        <div key={group}>
          <span class="faint">{group}</span>
          {members.map((name) => (
            <a key={name} href={`./?loss=${name}`} aria-current={name === current ? "page" : undefined}>
              {name}
            </a>
          ))}
        </div>
      ))}
    </nav>
  );
}

function About({ section: { name, source, domain, given } }: { readonly section: Section }) {
  return (
    <section class="panel about">
      <h1>
        <code>{name}</code>
      </h1>
      <dl>
        <dt>Domain</dt>
        <dd>{domain}</dd>
        <dt>Drawn</dt>
        <dd>{given}</dd>
        <dt>Source</dt>
        <dd>
          <Source text={source} />
        </dd>
      </dl>
    </section>
  );
}

/** With a link to what it cites. */
function Source({ text }: { readonly text: string }) {
  const [cited, kind, id] = /(doi|arXiv):(\S+)$/.exec(text) ?? [];
  if (cited === undefined || id === undefined) return text;
  const href = kind === "doi" ? `https://doi.org/${id}` : `https://arxiv.org/abs/${id}`;
  return (
    <>
      {text.slice(0, -cited.length)}
      <a href={href}>{cited}</a>
    </>
  );
}

interface SlidersProps {
  readonly section: Section;
  readonly settings: Settings;
  readonly onChange: (changes: Settings) => void;
}

function Sliders({ section, settings, onChange }: SlidersProps) {
  return (
    <>
      <h2>
        <code>{section.name}</code>
      </h2>
      {Object.entries(section.settings).map(([name, rule]) => {
        const value = settings[name] ?? null;
        const { off } = rule;
        return (
          <div key={name}>
            <Slider
              label={rule.label}
              value={value ?? rule.usual ?? rule.from}
              from={rule.from}
              to={rule.to}
              step={rule.step}
              logarithmic={rule.logarithmic ?? false}
              disabled={value === null}
              format={(place) => (value === null ? "off" : (rule.names?.[place] ?? shown(place)))}
              onChange={(place) => onChange({ [name]: place })}
            />
            {off !== undefined && (
              <Check
                label={`off: ${off}`}
                value={value === null}
                onChange={(on) => onChange({ [name]: on ? null : (rule.usual ?? rule.from) })}
              />
            )}
          </div>
        );
      })}
    </>
  );
}

interface SweepProps {
  readonly section: Section;
  readonly x: number;
  readonly onX: (x: number) => void;
}

const seconds = 8;

/** Moves x along; by steps where nothing is to move by itself. */
function Sweep({ section: { from, to, axis }, x, onX }: SweepProps) {
  const [running, setRunning] = useState(false);
  const onward = (share: number): void => onX(x >= to ? from : x + share * (to - from));
  useFrames(running, (passed) => onward(passed / seconds));
  const step = still();
  return (
    <div class="panel sweep">
      <button type="button" class="main" onClick={() => (step ? onward(1 / 20) : setRunning(!running))}>
        {step ? "Step" : running ? "Pause" : "Sweep"}
      </button>
      <Slider label={axis} value={x} from={from} to={to} step={(to - from) / 400} onChange={onX} />
    </div>
  );
}

interface ReadOutProps {
  readonly curves: readonly Shown[];
  readonly at: readonly Readonly<Record<Order, number>>[];
  readonly x: number;
}

const digits = (value: number): string =>
  Number.isNaN(value) ? "–" : String(Number(value.toPrecision(7))).replace("-", "−");

function ReadOut({ curves, at, x }: ReadOutProps) {
  return (
    <div class="panel stack">
      <table>
        <thead>
          <tr>
            <th scope="col">at x = {shown(x)}</th>
            {curves.map(({ section }, place) => (
              <th key={place} scope="col" class={`number ${place === 0 ? "one" : "two"}`}>
                <code>{section.name}</code>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {orders.map((order) => (
            <tr key={order}>
              <th scope="row">{titles[order].toLowerCase()}</th>
              {at.map((heights, place) => (
                <td key={place} class="number" data-order={order}>
                  {digits(heights[order])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {curves.map(({ section, settings }, place) => (
        <Code key={place} text={`import { ${section.name} } from "simdloss";\n${section.call(x, settings)};`} />
      ))}
    </div>
  );
}

await show("losses", Losses);
