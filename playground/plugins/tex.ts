/** The formulas of the specs, infix as one types them, in TeX. */

const superscripts: Readonly<Record<string, string>> = { "²": "2", "³": "3" };
const subscripts: Readonly<Record<string, string>> = { "₁": "1", "₂": "2" };
const symbols: Readonly<Record<string, string>> = {
  "−": "-",
  "±": "\\pm ",
  "×": "\\times ",
  "≤": "\\le ",
  "½": "\\tfrac{1}{2}",
  Σ: "\\sum ",
  α: "\\alpha ",
  γ: "\\gamma ",
  δ: "\\delta ",
  ε: "\\varepsilon ",
  λ: "\\lambda ",
  μ: "\\mu ",
  σ: "\\sigma ",
  τ: "\\tau ",
};
const closing: Readonly<Record<string, string>> = { "(": ")", "[": "]", "|": "|" };
const functions: Readonly<Record<string, string>> = {
  log: "\\log ",
  log10: "\\log_{10} ",
  max: "\\max ",
  cosh: "\\cosh ",
  tanh: "\\tanh ",
  sech: "\\operatorname{sech} ",
  sign: "\\operatorname{sign} ",
  softmax: "\\operatorname{softmax} ",
};

/** Spaces, words, numbers, letters with what stands below them, and every other character by itself. */
const token = /\s+|log10|[a-zA-Z]{2,}|\d+(?:\.\d+)?|[a-zA-Zα-ωΑ-Ω](?:_[a-z]+)?|./gu;

const isProse = (word = ""): boolean => (/^[a-zA-Z]{2,}$/.test(word) || word === "a") && functions[word] === undefined;

/** What one TeX group is made of; a fraction takes what stands before it as far back as the last break. */
interface Piece {
  readonly tex: string;
  /** What a fraction's numerator ends at: a sum's sign, a relation, a word. */
  readonly breaks?: true;
  /** Without its parentheses, if it is nothing but what they hold. */
  readonly inner?: string;
}

/** One a clause: "a, b = c" is two. */
export function texOf(formula: string): readonly string[] {
  const tokens = formula.match(token) ?? [];
  let place = 0;

  /** Up to a closing sign, or to the end of a clause. */
  function sequence(end?: string): Piece[] {
    const pieces: Piece[] = [];
    while (place < tokens.length && tokens[place] !== end) {
      const next = tokens[place] ?? "";
      if (end === undefined && /[,;]/.test(next)) break;
      if (/\s/.test(next)) place++;
      else if (next === "/") fraction(pieces);
      else pieces.push(powered());
    }
    return pieces;
  }

  function fraction(pieces: Piece[]): void {
    place++;
    const start = pieces.findLastIndex(({ breaks }) => breaks) + 1;
    const numerator = pieces.splice(start);
    const denominator = powered();
    pieces.push({ tex: `\\frac{${bare(numerator)}}{${bare([denominator])}}` });
  }

  /** With what stands above it. */
  function powered(): Piece {
    const base = primary();
    const next = tokens[place] ?? "";
    const digit = superscripts[next];
    if (digit !== undefined) {
      place++;
      return { tex: `{${base.tex}}^{${digit}}` };
    }
    if (next !== "^") return base;
    place++;
    const exponent = tokens[place] === "(" ? group("(", ")").inner : primary().tex;
    return { tex: `{${base.tex}}^{${(exponent ?? "").replace(/\\frac\{([^{}]*)\}\{([^{}]*)\}/, "$1/$2")}}` };
  }

  function primary(): Piece {
    const next = tokens[place] ?? "";
    const close = closing[next];
    if (close !== undefined) return group(next, close);
    place++;
    if (next === "√") return { tex: `\\sqrt{${bare(operand())}}` };
    const called =
      functions[next] ?? (next === "mean" && /[(|]/.test(tokens[place] ?? "") ? "\\operatorname{mean} " : "");
    if (called) return { tex: called };
    if (isProse(next)) return word(next);
    const [letter = "", below] = next.split("_");
    const tex = symbols[letter] ?? letter;
    const digit = subscripts[tokens[place] ?? ""];
    if (digit !== undefined) place++;
    const index = below ?? digit;
    if (index !== undefined) return { tex: `${tex}_{${index}}` };
    return /[+−±=≤,:×]/.test(next) ? { tex, breaks: true } : { tex };
  }

  /** What a root is of: a function with its argument, or one thing. */
  function operand(): Piece[] {
    const first = powered();
    return first.tex.startsWith("\\operatorname") ? [first, powered()] : [first];
  }

  /** A mathematical name stands upright; all others are prose, of one word or more. */
  function word(text: string): Piece {
    if (text === "KL" || text === "peak") return { tex: `\\mathrm{${text}}` };
    let prose = text;
    while (tokens[place] === " " && isProse(tokens[place + 1])) {
      prose += ` ${tokens[place + 1]}`;
      place += 2;
    }
    return { tex: `\\allowbreak\\;\\text{${prose}}\\;\\allowbreak `, breaks: true };
  }

  function group(open: string, close: string): Piece {
    place++;
    const inner = sequence(close)
      .map(({ tex }) => tex)
      .join("");
    if (tokens[place] !== close) throw new Error(`${formula}: there is no ${close} for a ${open}`);
    place++;
    // Not \\left and \\right: lines may be broken within these.
    const [left, right] = inner.includes("\\frac") ? ["\\Bigl", "\\Bigr"] : ["\\mathopen", "\\mathclose"];
    return { tex: `${left}${open}${inner}${right}${close}`, ...(open === "(" && { inner }) };
  }

  const clauses: string[] = [];
  while (place < tokens.length) {
    clauses.push(
      sequence()
        .map(({ tex }) => tex)
        .join(""),
    );
    place++;
  }
  return clauses;
}

function bare(pieces: readonly Piece[]): string {
  const [only] = pieces;
  if (pieces.length === 1 && only?.inner !== undefined) return only.inner;
  return pieces.map(({ tex }) => tex).join("");
}
