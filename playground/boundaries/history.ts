/** What a loss was, step by step, no more often than can be seen. */
export interface Past {
  readonly step: number;
  readonly value: number;
}

const most = 400;

export class History {
  #past: Past[] = [];
  /** Only every so many steps are kept. */
  #every = 1;

  get past(): readonly Past[] {
    return this.#past;
  }

  add(step: number, value: number): void {
    if (step % this.#every !== 0) return;
    this.#past.push({ step, value });
    if (this.#past.length <= most) return;
    this.#every *= 2;
    this.#past = this.#past.filter((one) => one.step % this.#every === 0);
  }
}
