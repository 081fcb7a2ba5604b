/** What a visitor changes things with. */
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

/** Short, and with all the digits that a slider can set. */
export function shown(value: number): string {
  const plain = value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4);
  const text = plain ? String(Number(value.toPrecision(4))) : value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return text.replaceAll("-", "−");
}

interface SliderProps {
  readonly label: ComponentChildren;
  readonly value: number;
  readonly from: number;
  readonly to: number;
  /** A thousandth of the way unless told. */
  readonly step?: number;
  /** Equal ratios lie equally far apart; from > 0. */
  readonly logarithmic?: boolean;
  readonly disabled?: boolean;
  /** Besides the value, such as its unit. */
  readonly format?: (value: number) => string;
  readonly onChange: (value: number) => void;
}

export function Slider({
  label,
  value,
  from,
  to,
  step,
  logarithmic = false,
  disabled = false,
  format = shown,
  onChange,
}: SliderProps) {
  const place = logarithmic ? Math.log10 : (at: number) => at;
  const valueAt = (at: number): number => (logarithmic ? Number((10 ** at).toPrecision(3)) : at);
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <output for={id}>{format(value)}</output>
      <input
        id={id}
        type="range"
        min={place(from)}
        max={place(to)}
        step={logarithmic ? "any" : (step ?? "any")}
        value={place(value)}
        disabled={disabled}
        aria-valuetext={format(value)}
        onInput={({ currentTarget }) => onChange(Math.min(to, Math.max(from, valueAt(Number(currentTarget.value)))))}
      />
    </div>
  );
}

interface ChoiceProps<T extends string> {
  readonly label: string;
  readonly value: T;
  /** What is chosen from; groups stand apart. */
  readonly choices: readonly T[] | Readonly<Record<string, readonly T[]>>;
  readonly disabled?: boolean;
  readonly onChange: (value: T) => void;
}

/** One of many. */
export function Choice<T extends string>({ label, value, choices, disabled = false, onChange }: ChoiceProps<T>) {
  const id = useId();
  const option = (name: T) => (
    <option key={name} value={name} selected={name === value}>
      {name}
    </option>
  );
  const all: readonly T[] = isList(choices) ? choices : Object.values(choices).flat();
  return (
    <div class="choice">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        disabled={disabled}
        onChange={({ currentTarget }) => {
          const chosen = all.find((name) => name === currentTarget.value);
          if (chosen !== undefined) onChange(chosen);
        }}
      >
        {isList(choices)
          ? choices.map(option)
          : Object.entries(choices).map(([group, names]) => (
              <optgroup key={group} label={group}>
                {names.map(option)}
              </optgroup>
            ))}
      </select>
    </div>
  );
}

function isList<T>(choices: readonly T[] | Readonly<Record<string, readonly T[]>>): choices is readonly T[] {
  return Array.isArray(choices);
}

interface CheckProps {
  readonly label: ComponentChildren;
  readonly value: boolean;
  readonly disabled?: boolean;
  readonly onChange: (value: boolean) => void;
}

export function Check({ label, value, disabled = false, onChange }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={value}
        disabled={disabled}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      {label}
    </label>
  );
}

/** Code, and a button that copies it. */
export function Code({ text }: { readonly text: string }) {
  const [copied, setCopied] = useState("");
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text).then(
      () => setCopied("Copied"),
      () => setCopied("The browser did not let the page copy; select the text instead"),
    );
    setTimeout(() => setCopied(""), 2000);
  };
  return (
    <div class="code">
      <pre>
        <code>{text}</code>
      </pre>
      <button type="button" onClick={copy}>
        Copy
      </button>
      <span class="said" role="status">
        {copied}
      </span>
    </div>
  );
}
