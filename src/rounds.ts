/** Rounds: what is added up on its own before it meets the others, so that the bits do not depend on who adds up which. */

/** Elements of rows that are carried out at a time, if a row is no longer than that. */
export const ROWS_ROUND = 8192;

/** The rows of a round. */
export function roundOf(length: number): number {
  return Math.max(1, Math.floor(ROWS_ROUND / length));
}

/** Adds up rounds, each a sum and what that rounds away, as `finish` in assembly/batch.ts does. Knuth (1969), two-sum. */
export function addUp(rounds: readonly number[]): number {
  let total = 0;
  let lost = 0;
  for (let k = 0; k < rounds.length; k += 2) {
    const [sum = 0, rest = 0] = [rounds[k], rounds[k + 1]];
    const round = Number.isFinite(sum) ? sum + rest : sum;
    const next = total + round;
    const added = next - total;
    lost = Number.isFinite(next) ? lost + (total - (next - added) + (round - added)) : 0;
    total = next;
  }
  return total + lost;
}
