/** How calls are timed by a clock as coarse as browsers have it. */

/** Milliseconds since some moment. */
export type Clock = () => number;

/** The smallest step that a clock takes. Browsers round theirs, some to a millisecond. */
export function resolution(clock: Clock): number {
  let least = Infinity;
  for (let step = 0; step < 10; step++) {
    const start = clock();
    let now = start;
    while (now === start) now = clock();
    least = Math.min(least, now - start);
  }
  return least;
}

/** How many calls take as many milliseconds at least. */
export function callsFor(call: () => void, milliseconds: number, clock: Clock): number {
  for (let calls = 1; ; calls *= 2) {
    const start = clock();
    for (let k = 0; k < calls; k++) call();
    if (clock() - start >= milliseconds) return calls;
  }
}

/** Milliseconds of a call. */
export function timed(call: () => void, calls: number, clock: Clock): number {
  const start = clock();
  for (let k = 0; k < calls; k++) call();
  return (clock() - start) / calls;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/**
 * Milliseconds of a call of each: medians of rounds in which they take turns, so that a disturbance meets all of them. `breath` is awaited
 * between rounds.
 */
export async function race<Who extends string>(
  calls: ReadonlyMap<Who, () => void>,
  rounds: number,
  clock: Clock,
  breath: () => Promise<void>,
): Promise<ReadonlyMap<Who, number>> {
  // Twenty steps of the clock are measured within 5 %.
  const span = Math.max(8, 20 * resolution(clock));
  const counts = new Map<Who, number>();
  for (const [who, call] of calls) {
    call();
    counts.set(who, callsFor(call, span, clock));
    await breath();
  }
  const times = new Map([...calls.keys()].map((who): [Who, number[]] => [who, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [who, call] of calls) times.get(who)?.push(timed(call, counts.get(who) ?? 1, clock));
    await breath();
  }
  return new Map([...times].map(([who, own]) => [who, median(own)]));
}
