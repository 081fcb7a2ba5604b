/**
 * Vector functions: no special cases beyond those each one names, exact operations only, so the same bits everywhere.
 * The polynomials are minimax fits: tools/fit.sollya prints them with their errors. The ULPs are the most over all float32s of the range: npm run accuracy.
 */
import { lanes } from "./lanes";

const SINGLE: bool = sizeof<real>() == 4;
const MANTISSA: i32 = SINGLE ? 23 : 52;

/**
 * 1 / ln 2; 1.5 · 2^MANTISSA, which rounds what is added to it to an integer; ln 2 in two parts, the first times any exponent exact;
 * the second number less 90 or 950; where `deep` is 0;
 * the largest x with a finite e^x.
 */
export const LN2 = SINGLE
  ? memory.data<f32>([1.44269504, 12582912, 0.693145752, 1.42860677e-6, 12582822, -150.3, 88])
  : memory.data<f64>([
      1.4426950408889634, 6755399441055744, 0.6931471803691238, 1.9082149292705877e-10, 6755399441054794, -1367.4, 709,
    ]);

/** (e^r − 1 − r) / r² on ±ln 2/2: 2^-27.4, 2^-56.9 of e^r. */
const EXP = SINGLE
  ? memory.data<f32>([0.49999997, 0.16666543, 0.041667506, 0.008366551, 0.0013864265])
  : memory.data<f64>([
      0.5000000000000006, 0.1666666666666659, 0.04166666666657352, 0.00833333333338808, 0.0013888888932441165,
      0.00019841269723187363, 2.4801504342271293e-5, 2.7557402987988363e-6, 2.762637792889533e-7, 2.5055459893698566e-8,
    ]);

/** (2 artanh s − 2s) / s³ in s², s ≤ 1/3: 2^-33.0, 2^-59.4. */
const LOG1P = SINGLE
  ? memory.data<f32>([0.66666675, 0.39998952, 0.2861509, 0.21445458, 0.24238811])
  : memory.data<f64>([
      0.6666666666666631, 0.4000000000015567, 0.2857142854806024, 0.2222222395673313, 0.18181744382908055,
      0.1538655023961484, 0.13301099205294262, 0.12105107056000361, 0.08344310838973124, 0.17010906496696374,
    ]);

/** (2 artanh s − 2s) / s³ in s², s ≤ 1/5: 2^-35.1, 2^-62.6. */
const LOG = SINGLE
  ? memory.data<f32>([0.66666663, 0.40000913, 0.28505117, 0.24122892])
  : memory.data<f64>([
      0.666666666666666, 0.4000000000005638, 0.2857142855593508, 0.22222224282150774, 0.1818166681659099,
      0.15391079432053692, 0.1317416661770491, 0.13839098893892576,
    ]);

/** ln 2; ¼, the least argument of log1m that is doubled; in f32, the least s and s² for `log1pRest`. */
const FOLD = SINGLE
  ? memory.data<f32>([0.693147182, 0.25, 3.05175781e-5, 9.31322575e-10])
  : memory.data<f64>([0.6931471805599453, 0.25]);

/**
 * The least normal number; 2^MANTISSA + 1; bits of 1 less those of √½; 2^MANTISSA; the same plus the bias; MANTISSA + 1; the mantissa's
 * bits; the bits of √½; the upper half of a mantissa; in f32, ∞.
 */
const SCALE = SINGLE
  ? memory.data<u32>([
      0x00800000, 0x4b800000, 0x004afb0d, 0x4b000000, 0x4b00007f, 0x41c00000, 0x007fffff, 0x3f3504f3, 0xfffff000,
      0x7f800000,
    ])
  : memory.data<u64>([
      0x0010000000000000, 0x4340000000000000, 0x00095f619980c433, 0x4330000000000000, 0x43300000000003ff,
      0x404a800000000000, 0x000fffffffffffff, 0x3fe6a09e667f3bcd, 0xfffffffff8000000,
    ]);

@unmanaged
export class math {
  /** c0 + c1 z. */
  @inline static pair(table: usize, from: i32, z: v128): v128 {
    return f.add(lanes.at(table, from), f.mul(lanes.at(table, from + 1), z));
  }

  /** Four terms by Estrin's scheme. */
  @inline static quad(table: usize, from: i32, z: v128, z2: v128): v128 {
    return f.add(math.pair(table, from, z), f.mul(math.pair(table, from + 2, z), z2));
  }

  /** x / ln 2 rounded to an integer, which stands in the low bits of the result; |x / ln 2| < 2^22 or 2^51. */
  @inline static turns(x: v128): v128 {
    return f.add(f.mul(x, lanes.at(LN2, 0)), lanes.at(LN2, 1));
  }

  /** That integer as a number. */
  @inline static count(turns: v128): v128 {
    return f.sub(turns, lanes.at(LN2, 1));
  }

  /** x less that many ln 2, exact but for one rounding … */
  @inline static remainder(x: v128, turns: v128): v128 {
    const k = math.count(turns);
    return f.sub(f.sub(x, f.mul(k, lanes.at(LN2, 2))), f.mul(k, lanes.at(LN2, 3)));
  }

  /** … and what it rounded away: a quarter of an ULP of e^x. */
  @inline static slack(x: v128, turns: v128, r: v128): v128 {
    const k = math.count(turns);
    return f.sub(f.sub(f.sub(x, f.mul(k, lanes.at(LN2, 2))), r), f.mul(k, lanes.at(LN2, 3)));
  }

  /** e^r − 1 − r for |r| ≤ ln 2/2. */
  @inline static expTail(r: v128): v128 {
    const r2 = f.mul(r, r);
    if (SINGLE) {
      const upper = f.add(math.pair(EXP, 2, r), f.mul(lanes.at(EXP, 4), r2));
      return f.mul(r2, f.add(math.pair(EXP, 0, r), f.mul(upper, r2)));
    }
    const r4 = f.mul(r2, r2);
    const upper = f.add(math.quad(EXP, 4, r, r2), f.mul(math.pair(EXP, 8, r), r4));
    return f.mul(r2, f.add(math.quad(EXP, 0, r, r2), f.mul(upper, r4)));
  }

  /** Whether `expTail` may be asked for x itself. */
  @inline static isSmall(x: v128): v128 {
    return f.lt(f.abs(x), lanes.all(0.34));
  }

  /** 2^k for a turn count k that a normal number can take. */
  @inline static power2(turns: v128): v128 {
    return i.add(i.shl(turns, MANTISSA), lanes.one());
  }

  /** The turns, or −90, −950: what is scaled so far down is no subnormal number, and what it is multiplied by gives none that counts. */
  @inline static shallow(turns: v128): v128 {
    return f.pmax(turns, lanes.at(LN2, 4));
  }

  /**
   * 2 to the turns that `shallow` leaves out, 1 where it leaves out none, 0 for −217, −1973. A result is scaled by it last, so that it is
   * rounded once also where it is subnormal, and nothing before it is slowed down by subnormal numbers.
   */
  @inline static deep(turns: v128): v128 {
    return math.power2(f.add(f.sub(turns, math.shallow(turns)), lanes.at(LN2, 1)));
  }

  /** e^x = 2^k e^r. x in [−176, 88], or [−1418, 709], from −104 or −746 on 0; NaN stays. 1.02 ULP. Cody and Waite (1980). */
  @inline static exp(x: v128): v128 {
    const turns = math.turns(x);
    return math.scale(f.add(lanes.one(), math.expm1(x, turns)), turns);
  }

  /** The same with what r rounded away, a quarter of an ULP. */
  @inline static expm1Fine(x: v128, turns: v128): v128 {
    const r = math.remainder(x, turns);
    return f.add(r, f.add(math.expTail(r), math.slack(x, turns, r)));
  }

  /** p · 2^turns, in two halves, so that a subnormal result is rounded once. */
  @inline static scale(p: v128, turns: v128): v128 {
    const half = i.shr_u(turns, 1);
    return f.mul(f.mul(p, math.power2(half)), math.power2(i.sub(turns, half)));
  }

  /** e^r − 1, what remains of e^x without its turns. 1.08 ULP. */
  @inline static expm1(x: v128, turns: v128): v128 {
    const r = math.remainder(x, turns);
    return f.add(r, math.expTail(r));
  }

  /** log(1 + t) for t in [−0.3, ½]: t − this. With s = t/(2 + t), s (t − 2s²/3 − …). Tang (1990). */
  @inline static logTail(t: v128): v128 {
    const s = f.div(t, f.add(lanes.two(), t));
    return f.mul(s, f.sub(t, math.artanhTail(s)));
  }

  /** (2 artanh s − 2s)/s for |s| ≤ 1/5. */
  @inline static artanhTail(s: v128): v128 {
    const z = f.mul(s, s);
    const z2 = f.mul(z, z);
    const lower = math.quad(LOG, 0, z, z2);
    if (SINGLE) return f.mul(z, lower);
    return f.mul(z, f.add(lower, f.mul(math.quad(LOG, 4, z, z2), f.mul(z2, z2))));
  }

  /** log(1 + u) for u in [0, 1], 1.33 ULP; folded at ½ 0.9, for a tenth of the loss's speed. NaN stays. */
  @inline static log1p(u: v128): v128 {
    return f.sub(u, math.log1pTail(u));
  }

  /** u − log(1 + u) for u in [0, 1]: s (u − 2s²/3 − …) with s = u/(2 + u). Tang (1990). */
  @inline static log1pTail(u: v128): v128 {
    const s = f.div(u, f.add(lanes.two(), u));
    const bounded = SINGLE ? f.pmax(s, lanes.at(FOLD, 2)) : s;
    const z = f.mul(bounded, bounded);
    return f.mul(s, f.sub(u, math.log1pRest(z, z)));
  }

  /** The same, in f32 with most of what 2 + u rounds away put back: a seventh of an ULP of log(1 + u). */
  @inline static log1pTailFine(u: v128): v128 {
    if (!SINGLE) return math.log1pTail(u);
    const d = f.add(lanes.two(), u);
    const s = f.div(u, d);
    // (u − 2s²/3 − …)/d, by which it moves the second factor, is ¼ to a quarter where it counts.
    const lost = f.mul(f.sub(u, f.sub(d, lanes.two())), lanes.at(FOLD, 1));
    const z = f.mul(s, s);
    return f.mul(s, f.sub(u, f.add(math.log1pRest(z, f.pmax(z, lanes.at(FOLD, 3))), lost)));
  }

  /**
   * 2z/3 + 2z²/5 + … for z = s², s in [0, 1/3]. In f32 an s below 2^-15 counts no more, but s⁸ would be subnormal, and 7 times as slow: z, or
   * at least `bounded`, its bounded copy for the further terms, is no less than 2^-30.
   */
  @inline static log1pRest(z: v128, bounded: v128): v128 {
    const z2 = f.mul(bounded, bounded);
    const z4 = f.mul(z2, z2);
    const lower = math.quad(LOG1P, 0, bounded, z2);
    const rest = SINGLE
      ? f.add(lower, f.mul(lanes.at(LOG1P, 4), z4))
      : f.add(lower, f.mul(f.add(math.quad(LOG1P, 4, bounded, z2), f.mul(math.pair(LOG1P, 8, bounded), z4)), z4));
    return f.mul(z, rest);
  }

  /** What rounding 1 + q to p took from it; for a p near 1 relative to it, to a third. */
  @inline static lost(q: v128, p: v128): v128 {
    return f.sub(q, f.sub(p, lanes.one()));
  }

  /**
   * log(1 + u (1 + lost)) for u in [0, 1] is t − this + ln 2 or 0, 0.9 ULP, added up in f64 0.5: log(1 + (u − 1)/2) above ½. `lost`, an
   * ULP at most, moves the result by lost · u/(1 + u), for which u − u²/2 will do. NaN stays.
   */
  @inline static foldedTail(u: v128, t: v128, lost: v128): v128 {
    const share = f.mul(u, f.sub(lanes.one(), f.mul(u, lanes.half())));
    return f.sub(math.logTail(t), f.mul(lost, share));
  }

  /** That t … */
  @inline static folded(u: v128): v128 {
    return lanes.choose(f.gt(u, lanes.half()), f.mul(f.sub(u, lanes.one()), lanes.half()), u);
  }

  /** … and ln 2 or 0. */
  @inline static fold(u: v128): v128 {
    return lanes.where(f.gt(u, lanes.half()), lanes.at(FOLD, 0));
  }

  /**
   * u/(1 + u) + more for u in [0, 1] that lacks `lost`, with what 1 + u rounds away put back, 1.0 ULP instead of 2.3, and `more`, an ULP at most,
   * before that is rounded.
   */
  @inline static share(u: v128, lost: v128, more: v128): v128 {
    const d = f.add(lanes.one(), u);
    const share = f.div(u, d);
    const less = f.sub(f.sub(u, f.sub(d, lanes.one())), lost);
    return f.sub(share, f.sub(f.mul(f.mul(share, less), f.sub(lanes.one(), share)), more));
  }

  /** factor · u/(1 + u)². f32 in f64: 0.9 ULP instead of 2.2; f64: 2.4. */
  @inline static bell(u: v128, lost: v128, factor: v128): v128 {
    if (!SINGLE) return f.mul(factor, f.div(u, f.add(lanes.one(), f.mul(u, f.add(lanes.two(), u)))));
    const low = math.whole(lanes.lower(u), lanes.lower(lost));
    const high = math.whole(lanes.upper(u), lanes.upper(lost));
    const lowBell = f64x2.div(f64x2.mul(lanes.lower(factor), low), math.square(low));
    return lanes.joined(lowBell, f64x2.div(f64x2.mul(lanes.upper(factor), high), math.square(high)));
  }

  /** (a − b)/(1 + u), where u is 1 − a + b rounded; in f32 with what a − b and 1 + u round away put back: 1.95 ULP; without the former 2.24, seen in every 331th. */
  @inline static lean(a: v128, b: v128, u: v128): v128 {
    const without = f.sub(a, b);
    const d = f.add(lanes.one(), u);
    const lean = f.div(without, d);
    if (!SINGLE) return lean;
    const withoutLost = f.sub(f.sub(a, without), b);
    const dLost = f.sub(u, f.sub(d, lanes.one()));
    // 1/(1 + u) is half of 1 + (1 − u)/(1 + u).
    const inverse = f.add(lanes.half(), f.mul(lanes.half(), lean));
    return f.add(lean, f.mul(f.sub(withoutLost, f.mul(lean, dLost)), inverse));
  }

  @inline static whole(u: v128, lost: v128): v128 {
    return f64x2.add(u, f64x2.mul(u, lost));
  }

  /** (1 + u)². */
  @inline static square(u: v128): v128 {
    const d = f64x2.add(f64x2.splat(1), u);
    return f64x2.mul(d, d);
  }

  /** The upper half of each mantissa: its square is exact. */
  @inline static upper(x: v128): v128 {
    return v128.and(x, lanes.at(SCALE, 8));
  }

  /** log(1 − s) for s in [0, ½], 1.01 ULP: log(1 + (1 − 2s)) − ln 2 above ¼. NaN stays. */
  @inline static log1m(s: v128): v128 {
    const large = f.gt(s, lanes.at(FOLD, 1));
    const t = SINGLE
      ? f.sub(lanes.where(large, lanes.one()), f.add(s, lanes.where(large, s)))
      : lanes.choose(large, f.sub(lanes.one(), f.add(s, s)), f.neg(s));
    return f.sub(f.sub(t, math.logTail(t)), lanes.where(large, lanes.at(FOLD, 0)));
  }

  /** log x for x ≥ 0, subnormals and 0 included, 0.96 ULP: x = 2^k (1 + t), 1 + t within √2 of 1. NaN stays. */
  @inline static log(x: v128): v128 {
    const bits = math.logBits(x);
    const k = math.logTurns(bits, x);
    const t = math.logRest(bits);
    const log = math.logSum(k, t, math.logTail(t));
    return lanes.orNaN(lanes.choose(f.eq(x, lanes.zero()), lanes.all(-Infinity), log), x);
  }

  /** The same for x ≤ 1, of a NaN any number: what is needed only of a subnormal number and 0 stands behind a branch. */
  @inline static logSmall(x: v128): v128 {
    if (!SINGLE) return math.log(x);
    let normal = x;
    let bias = lanes.at(SCALE, 4);
    if (i.bitmask(f.lt(x, lanes.at(SCALE, 0)))) {
      normal = f.mul(x, lanes.at(SCALE, 1));
      bias = lanes.choose(f.eq(x, lanes.zero()), lanes.at(SCALE, 9), f.add(bias, lanes.at(SCALE, 5)));
    }
    const bits = i.add(normal, lanes.at(SCALE, 2));
    const k = f.sub(v128.or(i.shr_u(bits, MANTISSA), lanes.at(SCALE, 3)), bias);
    const t = math.logRest(bits);
    return math.logSum(k, t, math.logTail(t));
  }

  /** k ln 2 + log(1 + t), of the tail of the latter. */
  @inline static logSum(k: v128, t: v128, tail: v128): v128 {
    return f.add(f.mul(k, lanes.at(LN2, 2)), f.sub(t, f.sub(tail, f.mul(k, lanes.at(LN2, 3)))));
  }

  /** The bits of x, subnormals made normal, less those of √½: the exponent k stands above the mantissa, offset by the bias. */
  @inline static logBits(x: v128): v128 {
    const normal = lanes.choose(f.lt(x, lanes.at(SCALE, 0)), f.mul(x, lanes.at(SCALE, 1)), x);
    return i.add(normal, lanes.at(SCALE, 2));
  }

  /** k. */
  @inline static logTurns(bits: v128, x: v128): v128 {
    const biased = v128.or(i.shr_u(bits, MANTISSA), lanes.at(SCALE, 3));
    return f.sub(f.sub(biased, lanes.at(SCALE, 4)), lanes.where(f.lt(x, lanes.at(SCALE, 0)), lanes.at(SCALE, 5)));
  }

  /** t. */
  @inline static logRest(bits: v128): v128 {
    return f.sub(i.add(v128.and(bits, lanes.at(SCALE, 6)), lanes.at(SCALE, 7)), lanes.one());
  }

  /** What a · b rounds away: Dekker (1971), with factors split by a mask. 0 or a NaN where the product is infinite. */
  @inline static productError(a: v128, b: v128, product: v128): v128 {
    const a1 = math.upper(a);
    const b1 = math.upper(b);
    const a2 = f.sub(a, a1);
    const b2 = f.sub(b, b1);
    const cross = f.add(f.sub(f.mul(a1, b1), product), f.add(f.mul(a1, b2), f.mul(a2, b1)));
    return f.add(cross, f.mul(a2, b2));
  }

  /**
   * e^(γ (a + k ln 2 + log(1 + t + t'))): a power, through a logarithm with 4 more bits than a number has, since an error of the
   * exponent is one of the result. Either a or k is 0, or k is 1; t in [−0.3, ½], t' below its last bit. Not inlined: it is large and rare.
   */
  static power(a: v128, k: v128, t: v128, tLow: v128, gamma: v128): v128 {
    const d = f.add(lanes.two(), t);
    const dLow = f.add(f.sub(t, f.sub(d, lanes.two())), tLow);
    const s = f.div(t, d);
    const sd = f.mul(s, d);
    const residue = f.sub(f.sub(f.sub(t, sd), math.productError(s, d, sd)), f.sub(f.mul(s, dLow), tLow));
    const low = f.add(f.mul(s, math.artanhTail(s)), f.div(f.add(residue, residue), d));

    const two = f.add(s, s);
    const high = f.mul(k, lanes.at(LN2, 2));
    const near = f.add(high, two);
    const log = f.add(a, near);
    const lost = f.add(math.sumError(high, two, near), math.sumError(a, near, log));
    const rest = f.add(f.add(lost, f.mul(k, lanes.at(LN2, 3))), low);
    const sum = f.add(log, rest);
    const product = f.mul(gamma, sum);
    const sumLow = math.sumError(log, rest, sum);
    const productLow = f.add(math.productError(gamma, sum, product), f.mul(gamma, sumLow));

    const deepest = lanes.at(LN2, 5);
    const x = f.pmin(f.pmax(product, deepest), lanes.at(LN2, 6));
    const turns = math.turns(x);
    const r = math.remainder(x, turns);
    const rLow = lanes.where(f.gt(product, deepest), f.add(math.slack(x, turns, r), productLow));
    const tail = math.expTail(r);
    const moved = f.mul(rLow, f.add(lanes.one(), f.add(r, tail)));
    const p = f.add(lanes.one(), f.add(r, f.add(tail, moved)));
    return f.mul(f.mul(p, math.power2(math.shallow(turns))), math.deep(turns));
  }

  /** What a + b rounds away. Knuth (1969). */
  @inline static sumError(a: v128, b: v128, sum: v128): v128 {
    const added = f.sub(sum, a);
    return f.add(f.sub(a, f.sub(sum, added)), f.sub(b, added));
  }
}
