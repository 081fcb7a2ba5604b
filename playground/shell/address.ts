/** The state of a page is its address, so that what one sees can be shared: what differs from the defaults stands in the query. */
import { useEffect, useReducer } from "preact/hooks";

/** One thing that the address tells. */
export interface Field<T> {
  readonly usual: T;
  /** Nothing where the text says nothing of the kind. */
  read(text: string): T | undefined;
  write(value: T): string;
}

export function number(usual: number, from: number, to: number): Field<number> {
  return {
    usual,
    read: (text) => (text.trim() !== "" && Number(text) >= from && Number(text) <= to ? Number(text) : undefined),
    write: String,
  };
}

export function whole(usual: number, from: number, to: number): Field<number> {
  const any = number(usual, from, to);
  return { ...any, read: (text) => (Number.isInteger(Number(text)) ? any.read(text) : undefined) };
}

export function oneOf<T extends string>(
  usual: T,
  choices: readonly T[],
): Field<T> & { readonly choices: readonly T[] } {
  return { usual, choices, read: (text) => choices.find((choice) => choice === text), write: String };
}

export function flag(usual: boolean): Field<boolean> {
  return {
    usual,
    read: (text) => (text === "yes" ? true : text === "no" ? false : undefined),
    write: (on) => (on ? "yes" : "no"),
  };
}

type Fields = Readonly<Record<string, Field<unknown>>>;
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

let query = new URLSearchParams(location.search);
const readers = new Set<() => void>();
let writing: ReturnType<typeof setTimeout> | undefined;

addEventListener("popstate", () => {
  query = new URLSearchParams(location.search);
  for (const reread of readers) reread();
});

/** Browsers take no more than a hundred changes of the address in half a minute. */
const pause = 300;

function write(): void {
  writing = undefined;
  const text = query.toString();
  history.replaceState(null, "", text === "" ? location.pathname : `?${text}`);
}

/** The address of what is seen now. */
export function shared(): string {
  if (writing !== undefined) {
    clearTimeout(writing);
    write();
  }
  return location.href;
}

/** What the address tells, the default where it tells nothing that may be, and a way to change it. */
export function useAddress<F extends Fields>(fields: F): [Values<F>, (changes: Partial<Values<F>>) => void] {
  const [, reread] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => {
    const listen = (): void => reread();
    readers.add(listen);
    return () => void readers.delete(listen);
  }, []);

  const entries = Object.entries(fields).map(([name, field]) => {
    const text = query.get(name);
    const told = text === null ? undefined : field.read(text);
    return [name, told === undefined ? field.usual : told]; // null is a value
  });
  const change = (changes: Partial<Values<F>>): void => {
    for (const [name, value] of Object.entries(changes)) {
      const field = fields[name];
      if (field === undefined) continue;
      if (value === undefined || value === field.usual) query.delete(name);
      else query.set(name, field.write(value));
    }
    for (const notify of readers) notify();
    writing ??= setTimeout(write, pause);
  };
  return [Object.fromEntries(entries) as Values<F>, change];
}
