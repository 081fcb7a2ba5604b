/** The softmax of a panel: its maxima, its exponentials, their sums. */
import { request } from "./batch";
import { panels, Tally } from "./group";
import { lanes } from "./lanes";
import { math } from "./math";
import { HESS } from "./want";

const SINGLE: bool = sizeof<real>() == 4;
const MANTISSA: i32 = SINGLE ? 23 : 52;

const PARTS = SINGLE
  ? memory.data<f32>([7.922816251426434e28, 1.262177448353619e-29, -150, 768, 256, 12583135, 2.350988701644575e-38])
  : memory.data<f64>([
      1.6069380442589903e60, 6.223015277861142e-61, -800, 6291456, 2048, 6755399441056967, 4.450147717014403e-308,
    ]);

/** A power of two: exponentials are kept in it, so that none that counts is subnormal; its inverse. */
const UNIT: i32 = 0;
const INVERSE: i32 = 1;
/** The least d, for any less: its e^d is nothing until weights of 2^68, or 2^80, meet it. */
const LEAST: i32 = 2;
/** 1.5 · 2^MANTISSA · GRID; the size from which on all numbers are multiples of GRID. */
const ROUNDING: i32 = 3;
const LARGE: i32 = 4;
/** 1.5 · 2^MANTISSA and UNIT's biased exponent. */
const TURNS: i32 = 5;
/** Twice the least normal number: a factor below this may have lost digits, then UNIT goes from the panels to it. */
const FAINT: i32 = 6;

/** ln 2 in two parts, the first a multiple of GRID. Literals, which engines load once for a loop: from the table 1.04 times as slow. */
const LN2_HIGH: real = SINGLE ? 0.69317626953125 : 0.6931471806019545;
const LN2_LOW: real = SINGLE ? -2.908897130469058e-5 : -4.2009150726810846e-11;

const tally = changetype<Tally>(memory.data(offsetof<Tally>(), 16));
const farTally = changetype<Tally>(memory.data(offsetof<Tally>(), 16));
const topTally = changetype<Tally>(memory.data(offsetof<Tally>(), 16));

@unmanaged
export class Softmax {
  /** The largest of each row. */
  peak: v128;
  /** Σ e^(x − peak) but for the largest's own 1, and with it; in UNIT. */
  rest: v128;
  sum: v128;
  /** log Σ e^(x − peak). */
  log: v128;
  /** The exponential of a largest that outweighs all others together, UNIT; NaN where there is none. */
  lone: v128;

  /** Takes the maxima. A row with one +∞ becomes one of −∞ with a 0 there; with more of them, NaN. */
  find(panel: usize, most: v128): void {
    this.peak = most;
    if (v128.any_true(f.eq(most, lanes.all(Infinity)))) this.settleInfinite(panel);
  }

  private settleInfinite(panel: usize): void {
    panels.bring();
    const end = panels.end(panel);
    const top = f.eq(this.peak, lanes.all(Infinity));
    let count = lanes.zero();
    for (let at = panel; at < end; at += 16) {
      count = f.add(count, lanes.where(f.eq(v128.load(at), this.peak), lanes.one()));
    }
    const many = f.gt(panels.sum(count), lanes.one());
    for (let at = panel; at < end; at += 16) {
      const x = v128.load(at);
      const only = lanes.orNaN(lanes.choose(f.eq(x, this.peak), lanes.zero(), lanes.all(-Infinity)), x);
      v128.store(at, lanes.choose(top, v128.or(only, many), x));
    }
    this.peak = lanes.choose(top, lanes.zero(), this.peak);
  }

  /** Puts exponentials of x − peak in the first panel, without ever rounding that difference; reads predictions where they stand. */
  @inline exponentials(): void {
    if (v128.any_true(f.ge(f.abs(this.peak), lanes.at(PARTS, LARGE)))) {
      panels.bring();
      this.addFine(panels.at(0), 0);
    } else this.add();
    this.settle();
  }

  /** The same in the place of a panel, for maxima of any size, and with what rounding took from x, if there is a panel of it. */
  exponentialsFine(panel: usize, lost: usize): void {
    this.addFine(panel, lost);
    this.settle();
  }

  @inline private add(): void {
    const panel = panels.at(0);
    const end = panels.end(panel);
    const whole = panels.wholeEnd(panel);
    const top = this.peak;
    const least = f.add(top, lanes.at(PARTS, LEAST));
    const high = Softmax.rounded(top);
    const low = f.sub(top, high);
    let sumLow = lanes.zero();
    let sumHigh = lanes.zero();
    let at = panel;
    const again = panels.aside();
    if (SINGLE && again) {
      // One of four rows is likely to have a lone largest: they are added up afterwards.
      for (; at + 16 < end; at += 32) {
        const u0 = Softmax.decay(f.pmax(v128.load(at), least), top, high, low);
        const u1 = Softmax.decay(f.pmax(v128.load(at, 16), least), top, high, low);
        v128.store(at, u0);
        v128.store(at, u1, 16);
      }
    }
    // Where `at` reads from; a last vector that is padded stands in the panel.
    const before = panels.standing() - panel;
    for (; at + 48 < whole; at += 64) {
      const from = at + before;
      const u0 = Softmax.decay(f.pmax(v128.load(from), least), top, high, low);
      const u1 = Softmax.decay(f.pmax(v128.load(from, 16), least), top, high, low);
      v128.store(at, u0);
      v128.store(at, u1, 16);
      const u2 = Softmax.decay(f.pmax(v128.load(from, 32), least), top, high, low);
      const u3 = Softmax.decay(f.pmax(v128.load(from, 48), least), top, high, low);
      v128.store(at, u2, 32);
      v128.store(at, u3, 48);
      const four = f.add(f.add(u0, u1), f.add(u2, u3));
      sumHigh = Tally.upper(sumLow, sumHigh, four);
      sumLow = Tally.lower(sumLow, four);
    }
    for (; at < end; at += 16) {
      const u = Softmax.decay(f.pmax(v128.load(at < whole ? at + before : at), least), top, high, low);
      v128.store(at, u);
      sumHigh = Tally.upper(sumLow, sumHigh, u);
      sumLow = Tally.lower(sumLow, u);
    }
    const unit = lanes.at(PARTS, UNIT);
    this.rest = f.sub(Tally.joined(sumLow, sumHigh, 0), unit);
    if (again || v128.any_true(f.lt(this.rest, unit))) this.rest = Softmax.restOf(panel);
  }

  private addFine(panel: usize, lost: usize): void {
    const end = panels.end(panel);
    // The peak in parts, of which the first alone is not 0 where it is large.
    const large = f.ge(f.abs(this.peak), lanes.at(PARTS, LARGE));
    const base = lanes.where(large, this.peak);
    const top = v128.andnot(this.peak, large);
    const least = f.add(top, lanes.at(PARTS, LEAST));
    const high = Softmax.rounded(top);
    let from = lost;
    for (let at = panel; at < end; at += 16) {
      let u = Softmax.decay(f.pmax(f.sub(v128.load(at), base), least), top, high, f.sub(top, high));
      if (lost) u = f.add(u, f.mul(u, v128.load(from)));
      v128.store(at, u);
      from += 16;
    }
    this.rest = Softmax.restOf(panel);
  }

  /** The sum but for the largest, which may be much more than the others together. */
  private static restOf(panel: usize): v128 {
    const end = panels.end(panel);
    const unit = lanes.at(PARTS, UNIT);
    let ties = lanes.zero();
    let low = lanes.zero();
    let high = lanes.zero();
    let at = panel;
    for (; at + 48 < end; at += 64) {
      const u0 = v128.load(at);
      const u1 = v128.load(at, 16);
      const u2 = v128.load(at, 32);
      const u3 = v128.load(at, 48);
      const tie0 = f.eq(u0, unit);
      const tie1 = f.eq(u1, unit);
      const tie2 = f.eq(u2, unit);
      const tie3 = f.eq(u3, unit);
      ties = i.sub(ties, i.add(i.add(tie0, tie1), i.add(tie2, tie3)));
      const first = f.add(v128.andnot(u0, tie0), v128.andnot(u1, tie1));
      const second = f.add(v128.andnot(u2, tie2), v128.andnot(u3, tie3));
      const four = f.add(first, second);
      high = Tally.upper(low, high, four);
      low = Tally.lower(low, four);
    }
    for (; at < end; at += 16) {
      const u = v128.load(at);
      const tie = f.eq(u, unit);
      ties = i.sub(ties, tie);
      const other = v128.andnot(u, tie);
      high = Tally.upper(low, high, other);
      low = Tally.lower(low, other);
    }
    const tied = f.sub(panels.sum(lanes.counted(ties)), lanes.one());
    return f.add(f.mul(tied, unit), Tally.joined(low, high, 0));
  }

  @inline private settle(): void {
    const unit = lanes.at(PARTS, UNIT);
    this.sum = f.add(unit, this.rest);
    this.lone = v128.or(unit, f.ge(this.rest, unit));
    const rest = f.mul(this.rest, lanes.at(PARTS, INVERSE));
    const sum = f.add(lanes.one(), rest);
    this.log = f.add(math.log(sum), f.div(f.sub(rest, f.sub(sum, lanes.one())), sum));
  }

  /** The nearest multiple of GRID. */
  @inline private static rounded(x: v128): v128 {
    return f.sub(f.add(x, lanes.at(PARTS, ROUNDING)), lanes.at(PARTS, ROUNDING));
  }

  /** UNIT e^(x − top), top = high + low. */
  @inline static decay(x: v128, top: v128, high: v128, low: v128): v128 {
    // Both as a number and as the bits of 2^k UNIT.
    const turns = f.add(f.mul(f.sub(x, top), lanes.all(<real>1.4426950408889634)), lanes.at(PARTS, TURNS));
    const k = f.sub(turns, lanes.at(PARTS, TURNS));
    const near = f.sub(x, f.add(f.mul(k, lanes.all(LN2_HIGH)), high));
    const r = f.sub(near, f.add(f.mul(k, lanes.all(LN2_LOW)), low));
    const p = f.add(lanes.one(), f.add(r, math.expTail(r)));
    return f.mul(p, i.shl(turns, MANTISSA));
  }

  /** 1 less a probability, times the sum, of its exponential. */
  @inline others(u: v128): v128 {
    return lanes.choose(f.eq(u, this.lone), this.rest, f.sub(this.sum, u));
  }

  /** u (1 − p) times a · b, the larger factors first to meet the smaller. */
  @inline both(u: v128, a: v128, b: v128): v128 {
    const others = this.others(u);
    return f.mul(f.mul(f.pmin(u, others), a), f.mul(f.pmax(u, others), b));
  }

  /** Puts u (1 − p) of exponentials u into a panel. */
  hess(panel: usize, to: usize): void {
    const end = panels.end(panel);
    const inverse = f.div(lanes.one(), this.sum);
    for (let at = panel; at < end; at += 16) {
      v128.store(to + (at - panel), this.both(v128.load(at), lanes.one(), inverse));
    }
  }

  /**
   * Has derivatives multiplied by factor/Σ u. Returns what an entry that stands in no panel is to be multiplied by besides; the panels
   * are: by 1, unless the quotient is too small to have all its digits.
   */
  @inline divide(factor: v128): v128 {
    const quotient = f.div(factor, this.sum);
    panels.setFactor(quotient);
    const faint = v128.and(f.lt(f.abs(quotient), lanes.at(PARTS, FAINT)), f.ne(factor, lanes.zero()));
    return v128.any_true(faint) ? this.divideFaint(factor, faint) : lanes.one();
  }

  private divideFaint(factor: v128, faint: v128): v128 {
    const up = lanes.choose(faint, lanes.at(PARTS, UNIT), lanes.one());
    const down = lanes.choose(faint, lanes.at(PARTS, INVERSE), lanes.one());
    panels.setFactor(f.div(f.mul(factor, up), this.sum));
    this.multiply(panels.at(0), down);
    if (request.want & HESS) this.multiply(panels.at(2), down);
    return down;
  }

  private multiply(panel: usize, by: v128): void {
    const end = panels.end(panel);
    for (let at = panel; at < end; at += 16) v128.store(at, f.mul(v128.load(at), by));
  }
}

/** What soft targets are in sum, and the derivatives by the logits that come of them: T p − τ. */
@unmanaged
export class Targets {
  /** T = Σ τ; that without the largest logit's. */
  sum: v128;
  others: v128;
  /** Σ τ (peak − x). */
  far: v128;

  read(softmax: Softmax, logits: usize, targets: usize): void {
    const end = panels.end(logits);
    const peak = softmax.peak;
    tally.open();
    farTally.open();
    topTally.open();
    let at = logits;
    while (at < end) {
      const stop = min(at + panels.block(), end);
      let most = lanes.zero();
      let others = lanes.zero();
      let far = lanes.zero();
      do {
        const target = v128.load(targets + (at - logits));
        const x = v128.load(at);
        const d = f.sub(peak, x);
        const top = f.eq(d, lanes.zero());
        most = f.add(most, lanes.where(top, target));
        others = f.add(others, v128.andnot(target, top));
        // Of finite logits d may be infinite, and τ d finite.
        const parts = f.sub(f.mul(target, peak), f.mul(target, x));
        const own = lanes.choose(f.eq(d, lanes.all(Infinity)), parts, f.mul(target, d));
        far = f.add(far, lanes.where(f.ne(target, lanes.zero()), own));
        at += 16;
      } while (at < stop);
      tally.add(others);
      farTally.add(far);
      topTally.add(most);
    }
    this.others = tally.total(0);
    this.sum = f.add(topTally.total(0), this.others);
    this.far = farTally.total(0);
  }

  /** Leaves derivatives, over T, in the place of the exponentials. */
  grad(softmax: Softmax, panel: usize, targets: usize): void {
    const end = panels.end(panel);
    const some = f.ne(this.sum, lanes.zero());
    const share = lanes.where(some, f.div(this.others, this.sum));
    for (let at = panel; at < end; at += 16) {
      const u = v128.load(at);
      const own = lanes.where(some, f.div(v128.load(targets + (at - panel)), this.sum));
      // T p − τ; of a lone largest, of which p is near 1, (T − τ) p − τ (1 − p).
      const lone = f.eq(u, softmax.lone);
      const minus = f.mul(own, lanes.choose(lone, softmax.rest, softmax.sum));
      v128.store(at, f.sub(lanes.choose(lone, f.mul(share, u), u), minus));
    }
  }
}
