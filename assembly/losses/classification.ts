/** Losses of a label y. */
import { lanes } from "../lanes";
import { Loss } from "../loss";
import { math } from "../math";

/**
 * e^x times any weight up to 2^66 is 0 from here on (f64: 2^897), its `deep` too; what `exp` makes exactly 0, by no subnormal number; in f32, to
 * here e^x is normal.
 */
const ZERO = sizeof<real>() == 4 ? memory.data<f32>([-150.3, -176, -87]) : memory.data<f64>([-1367.4, -1418]);

/** ½; 1; 0. Literals of eighteen bytes each would be a tenth of the weighted loss's code. */
const UNIT = memory.data<real>([0.5, 1, 0]);

/** A loss of a logit x, through u = e^−|x|. */
@unmanaged
abstract class Logistic extends Loss {
  /** What u lacks where it would be subnormal: a factor for the results, so that they are rounded once. */
  deep: v128;
  /** What the last rounding of u took from it, relative to u. */
  lost: v128;
  @inline light(): bool {
    return false;
  }
  @inline decay(x: v128): v128 {
    const far = f.pmax(lanes.below(x), lanes.at(ZERO, 0));
    const turns = math.turns(far);
    const expm1 = math.expm1Fine(far, turns);
    const p = f.add(lanes.one(), expm1);
    this.lost = math.lost(expm1, p);
    this.deep = math.deep(turns);
    return f.mul(p, math.power2(math.shallow(turns)));
  }
}

/**
 * log(1 + u) − a x, where a is y − 1 for x ≥ 0 and y below: of the two labels' terms, the one that x speaks against. Bishop (1995), 6.7.
 */
@unmanaged
export class BceWithLogits extends Loss {
  /** What the last rounding of u took from it, relative to u. */
  lost: v128;
  @inline light(): bool {
    return false;
  }
  @inline prepare(_a: f64, _b: f64, _c: f64): void {}
  /** u complete, subnormal where it is, and not known to more digits than it has. */
  @inline shared(x: v128, _y: v128): v128 {
    const far = f.pmax(lanes.below(x), lanes.at(ZERO, 1));
    const turns = math.turns(far);
    const expm1 = math.expm1(far, turns);
    const p = f.add(lanes.one(), expm1);
    this.lost = math.lost(expm1, p);
    if (sizeof<real>() == 8) return math.scale(p, turns);
    // Bits of negative numbers ascend as these fall, to NaN. Three instructions and a branch, where `scale` takes eight: 2 % of the time.
    if (i.bitmask(i.gt_s(far, lanes.at(ZERO, 2)))) return math.scale(p, turns);
    return i.add(p, i.shl(turns, 23));
  }
  /** 1 for x ≥ 0, 0 below. */
  @inline aside(x: v128): v128 {
    return v128.andnot(lanes.one(), f.lt(x, lanes.zero()));
  }
  @inline against(x: v128, y: v128): v128 {
    return f.sub(y, this.aside(x));
  }
  /** The smaller numbers are added first: a quarter of an ULP. */
  @inline value(u: v128, x: v128, y: v128): v128 {
    const a = this.against(x, y);
    const far = lanes.where(f.ne(a, lanes.zero()), x);
    return f.sub(u, f.add(math.log1pTailFine(u), f.mul(a, far)));
  }
  /** ∓u/(1 + u) − a, − for x ≥ 0. What a soft label's a rounds away, where the difference would show it, goes with the first term. */
  @inline grad(u: v128, x: v128, y: v128): v128 {
    const minus = v128.andnot(lanes.all(-0.0), f.lt(x, lanes.zero()));
    const a = this.against(x, y);
    const lost = f.sub(y, f.add(a, this.aside(x)));
    return f.sub(v128.xor(math.share(u, this.lost, lost), minus), a);
  }
  @inline hess(u: v128, _x: v128, y: v128, _weight: v128): v128 {
    return lanes.orNaN(math.bell(u, lanes.zero(), lanes.one()), y);
  }
}

/**
 * With weights Y = P·y' and Z = 1 − y' of the two labels, other than y and 1 − y: a |x| + (Y + Z) log(1 + u), where a is Z for x ≥ 0 and Y below: a sum of
 * terms ≥ 0, so that no digit is lost for either label. Bishop (1995), 6.7.
 */
@unmanaged
export class WeightedBceWithLogits extends Logistic {
  /** Y, Z and Y + Z for y = 0 and for y = 1, and how much they differ. */
  positive0: v128;
  positive1: v128;
  positiveSlope: v128;
  negative0: v128;
  negative1: v128;
  negativeSlope: v128;
  both0: v128;
  both1: v128;
  bothSlope: v128;
  @inline prepare(posWeight: f64, labelSmoothing: f64, _c: f64): void {
    const rare = labelSmoothing / 2;
    const common = 1 - rare;
    this.positive0 = lanes.all(<real>(posWeight * rare));
    this.positive1 = lanes.all(<real>(posWeight * common));
    this.positiveSlope = lanes.all(<real>(posWeight * (common - rare)));
    this.negative0 = lanes.all(<real>common);
    this.negative1 = lanes.all(<real>rare);
    this.negativeSlope = lanes.all(<real>(rare - common));
    this.both0 = lanes.all(<real>(posWeight * rare + common));
    this.both1 = lanes.all(<real>(posWeight * common + rare));
    this.bothSlope = lanes.all(<real>((posWeight - 1) * (common - rare)));
  }
  @inline shared(x: v128, _y: v128): v128 {
    return this.decay(x);
  }
  /** What is `zero` for y = 0 and `one` for y = 1, from the nearer of them, so that neither is rounded. */
  @inline blend(y: v128, zero: v128, one: v128, slope: v128): v128 {
    const large = f.gt(y, lanes.at(UNIT, 0));
    const way = lanes.choose(large, f.sub(y, lanes.at(UNIT, 1)), y);
    return f.add(lanes.choose(large, one, zero), f.mul(way, slope));
  }
  /** (Y + Z), and what u lacks. */
  @inline both(y: v128): v128 {
    return f.mul(this.blend(y, this.both0, this.both1, this.bothSlope), this.deep);
  }
  /** The weight of the label that x speaks against. */
  @inline against(x: v128, y: v128): v128 {
    const negative = f.lt(x, lanes.at(UNIT, 2));
    const zero = lanes.choose(negative, this.positive0, this.negative0);
    const one = lanes.choose(negative, this.positive1, this.negative1);
    return this.blend(y, zero, one, lanes.choose(negative, this.positiveSlope, this.negativeSlope));
  }
  @inline value(u: v128, x: v128, y: v128): v128 {
    const a = this.against(x, y);
    const far = lanes.where(f.ne(a, lanes.at(UNIT, 2)), lanes.below(x));
    const both = this.both(y);
    const t = math.folded(u);
    const tail = math.foldedTail(u, t, this.lost);
    const fold = math.fold(u);
    if (sizeof<real>() == 8) return this.total(both, t, tail, fold, a, far);
    const low = this.total(
      lanes.lower(both),
      lanes.lower(t),
      lanes.lower(tail),
      lanes.lower(fold),
      lanes.lower(a),
      lanes.lower(far),
    );
    const high = this.total(
      lanes.upper(both),
      lanes.upper(t),
      lanes.upper(tail),
      lanes.upper(fold),
      lanes.upper(a),
      lanes.upper(far),
    );
    return lanes.joined(low, high);
  }
  /** In f64: (Y + Z) log(1 + u) + a |x|. */
  @inline total(both: v128, t: v128, tail: v128, fold: v128, a: v128, far: v128): v128 {
    const log = f64x2.add(f64x2.sub(t, tail), fold);
    return f64x2.sub(f64x2.mul(both, log), f64x2.mul(a, far));
  }
  /** Z σ(x) − Y σ(−x), a difference that soft labels can cancel; f32 in f64. */
  @inline grad(u: v128, x: v128, y: v128): v128 {
    const below = f.lt(x, lanes.at(UNIT, 2));
    const deepPositive = lanes.choose(below, lanes.at(UNIT, 1), this.deep);
    const deepNegative = lanes.choose(below, this.deep, lanes.at(UNIT, 1));
    const positive = f.mul(this.blend(y, this.positive0, this.positive1, this.positiveSlope), deepPositive);
    const negative = f.mul(this.blend(y, this.negative0, this.negative1, this.negativeSlope), deepNegative);
    if (sizeof<real>() == 8) return this.slope(u, this.lost, x, positive, negative);
    const low = this.slope(
      lanes.lower(u),
      lanes.lower(this.lost),
      lanes.lower(x),
      lanes.lower(positive),
      lanes.lower(negative),
    );
    const high = this.slope(
      lanes.upper(u),
      lanes.upper(this.lost),
      lanes.upper(x),
      lanes.upper(positive),
      lanes.upper(negative),
    );
    return lanes.joined(low, high);
  }
  /** In f64: of σ(x) and σ(−x), the one below ½ is u/(1 + u). */
  @inline slope(u: v128, lost: v128, x: v128, positive: v128, negative: v128): v128 {
    const one = f64x2.splat(1);
    const full = math.whole(u, lost);
    const rare = f64x2.div(full, f64x2.add(one, full));
    const common = f64x2.sub(one, rare);
    const below = f64x2.lt(x, lanes.zero());
    const p = v128.bitselect(rare, common, below);
    const q = v128.bitselect(common, rare, below);
    return f64x2.sub(f64x2.mul(negative, p), f64x2.mul(positive, q));
  }
  @inline hess(u: v128, _x: v128, y: v128, _weight: v128): v128 {
    return math.bell(u, this.lost, this.both(y));
  }
}

/**
 * A loss of a probability p, through the smaller one s of p and 1 − p, clamped from below: it is exact, and so are both logarithms
 * through it. Only this side of the clamp exists: where s is ε, the larger side is 1 − ε without ever being rounded.
 */
@unmanaged
abstract class Probability extends Loss {
  epsilon: v128;
  @inline light(): bool {
    return false;
  }
  @inline smaller(x: v128): v128 {
    return f.pmax(lanes.size(f.pmin(x, f.sub(lanes.one(), x))), this.epsilon);
  }
  @inline upper(x: v128): v128 {
    return f.gt(x, lanes.half());
  }
}

/** −y log p − (1 − y) log(1 − p). */
@unmanaged
export class Bce extends Probability {
  @inline prepare(epsilon: f64, _b: f64, _c: f64): void {
    this.epsilon = lanes.all(<real>epsilon);
  }
  @inline shared(x: v128, _y: v128): v128 {
    return this.smaller(x);
  }
  /** The bits in which the weights of the side of s, `rare`, and of the side of 1 − s, `common`, differ from y and 1 − y. */
  @inline swap(x: v128, y: v128): v128 {
    return v128.and(this.upper(x), v128.xor(y, f.sub(lanes.one(), y)));
  }
  @inline value(s: v128, x: v128, y: v128): v128 {
    const swap = this.swap(x, y);
    const rare = v128.xor(y, swap);
    const common = v128.xor(f.sub(lanes.one(), y), swap);
    const near = lanes.where(f.ne(rare, lanes.zero()), f.mul(rare, math.logSmall(s)));
    return f.sub(lanes.zero(), f.add(near, f.mul(common, math.log1m(s))));
  }
  /** ±(common/(1 − s) − rare/s), + for p ≤ ½: (1 − y)/(1 − p) − y/p. */
  @inline grad(s: v128, x: v128, y: v128): v128 {
    const swap = this.swap(x, y);
    const rare = v128.xor(y, swap);
    const common = v128.xor(f.sub(lanes.one(), y), swap);
    const near = lanes.where(f.ne(rare, lanes.zero()), f.div(rare, s));
    const slope = f.sub(f.div(common, f.sub(lanes.one(), s)), near);
    return v128.xor(slope, lanes.sign(this.upper(x)));
  }
  /** common/(1 − s)² + rare/s²; f32 in f64: half an ULP instead of 2.6. */
  @inline hess(s: v128, x: v128, y: v128, _weight: v128): v128 {
    const upper = this.upper(x);
    if (sizeof<real>() == 8) return this.curve(s, lanes.choose(upper, f.sub(lanes.one(), y), y));
    const low = this.curve(lanes.lower(s), this.near(lanes.lower(x), lanes.lower(y)));
    return lanes.joined(low, this.curve(lanes.upper(s), this.near(lanes.upper(x), lanes.upper(y))));
  }
  /** In f64, the weight of the side of s. */
  @inline near(x: v128, y: v128): v128 {
    return v128.bitselect(f64x2.sub(f64x2.splat(1), y), y, f64x2.gt(x, f64x2.splat(0.5)));
  }
  @inline curve(s: v128, near: v128): v128 {
    const one = f64x2.splat(1);
    const big = f64x2.sub(one, s);
    const own = f64x2.div(f64x2.div(near, s), s);
    const far = f64x2.div(f64x2.div(f64x2.sub(one, near), big), big);
    return f64x2.add(v128.and(own, f64x2.ne(near, lanes.zero())), far);
  }
}

/** α_t for both labels, and γ: what the two focal losses share. */
@unmanaged
class Focusing {
  alpha0: v128;
  alpha1: v128;
  gamma: v128;
  /** γ where it is 0, 1, 2 or 3, a power by multiplication; else −1. */
  times: i32;
  @inline prepare(alpha: f64, gamma: f64): void {
    this.alpha0 = lanes.all(<real>(isNaN(alpha) ? 1 : 1 - alpha));
    this.alpha1 = lanes.all(<real>(isNaN(alpha) ? 1 : alpha));
    this.gamma = lanes.all(<real>gamma);
    this.times = gamma == 0 ? 0 : gamma == 1 ? 1 : gamma == 2 ? 2 : gamma == 3 ? 3 : -1;
  }
  @inline alpha(y: v128): v128 {
    return lanes.orNaN(lanes.choose(f.eq(y, lanes.zero()), this.alpha0, this.alpha1), y);
  }
  /** damping · loss, 0 where the damping is, even of an infinite loss. */
  @inline damp(damping: v128, loss: v128, x: v128): v128 {
    return this.unless(damping, f.mul(damping, loss), x);
  }
  /** What is damped already, or 0. */
  @inline unless(damping: v128, damped: v128, x: v128): v128 {
    return lanes.orNaN(lanes.where(f.ne(damping, lanes.zero()), damped), x);
  }
  /** wrong^(γ − 1), likewise; of γ = 0, whose share is nothing, 0. */
  @inline share(wrong: v128): v128 {
    if (this.times == 0) return lanes.zero();
    if (this.times == 1) return lanes.orNaN(lanes.one(), wrong);
    return this.times == 2 ? wrong : f.mul(wrong, wrong);
  }
  /** wrong^γ for γ of 0, 1, 2 or 3. */
  @inline power(wrong: v128): v128 {
    if (this.times == 0) return lanes.orNaN(lanes.one(), wrong);
    if (this.times == 1) return wrong;
    const square = f.mul(wrong, wrong);
    return this.times == 2 ? square : f.mul(square, wrong);
  }
}

const focusing = changetype<Focusing>(memory.data(offsetof<Focusing>(), 16));

/** α_t (1 − p_t)^γ L with L = −log p_t, p_t the probability of the label. Lin et al. (2017). */
@unmanaged
export class FocalWithLogits extends Logistic {
  /** p_t, 1 − p_t and L, but for `deep`; α_t (1 − p_t)^γ. */
  p: v128;
  wrong: v128;
  surprise: v128;
  damping: v128;
  /** `deep` where the label is likely; where it is not, what lacks it is too small to count. */
  last: v128;
  @inline prepare(alpha: f64, gamma: f64, _c: f64): void {
    focusing.prepare(alpha, gamma);
  }
  /** Not inlined: its 28 loops would be most of the binary. */
  shared(x: v128, y: v128): v128 {
    const u = this.decay(x);
    const z = v128.xor(x, lanes.sign(f.eq(y, lanes.zero())));
    const right = f.gt(z, lanes.zero());
    const rare = math.share(u, this.lost, lanes.zero());
    const common = f.sub(lanes.one(), rare);
    const wrong = lanes.choose(right, rare, common);
    const last = lanes.choose(right, this.deep, lanes.one());
    this.p = lanes.choose(right, common, rare);
    this.wrong = wrong;
    this.surprise = f.add(f.pmax(f.neg(z), lanes.zero()), math.log1p(u));
    this.last = last;
    const power = focusing.times < 0 ? logitPower(u, this.lost, z) : focusing.power(f.mul(wrong, last));
    this.damping = f.mul(focusing.alpha(y), power);
    return u;
  }
  @inline value(_u: v128, x: v128, _y: v128): v128 {
    return focusing.damp(this.damping, f.mul(this.surprise, this.last), x);
  }
  /** −(1 − p)^γ (γ p L + 1 − p) by the label's logit. */
  @inline grad(_u: v128, x: v128, y: v128): v128 {
    const slope = f.add(f.mul(f.mul(focusing.gamma, this.p), this.bounded()), this.wrong);
    const steep = focusing.damp(this.damping, f.mul(slope, this.last), x);
    return v128.xor(steep, lanes.sign(f.ne(y, lanes.zero())));
  }
  /** (1 − p)^γ p ((1 + 2γ)(1 − p) + γ L (γ p − (1 − p))). */
  @inline hess(_u: v128, _x: v128, _y: v128, _weight: v128): v128 {
    const gamma = focusing.gamma;
    const first = f.mul(f.add(lanes.one(), f.add(gamma, gamma)), this.wrong);
    const second = f.mul(f.mul(gamma, this.bounded()), f.sub(f.mul(gamma, this.p), this.wrong));
    return f.mul(f.mul(this.damping, f.mul(this.p, f.add(first, second))), this.deep);
  }
  /** L where p is not 0, for products with p: from e^−2000 on, it is. */
  @inline bounded(): v128 {
    return f.pmin(this.surprise, lanes.all(2000));
  }
}

/** (1 − p_t)^γ = e^(−γ (max(z, 0) + log(1 + u))). */
function logitPower(u: v128, lost: v128, z: v128): v128 {
  const low = f.mul(u, lost);
  const large = f.gt(u, lanes.half());
  const t = lanes.choose(large, f.mul(f.sub(u, lanes.one()), lanes.half()), u);
  const tLow = lanes.choose(large, f.mul(low, lanes.half()), low);
  const turns = lanes.where(large, lanes.one());
  return math.power(f.pmin(f.pmax(z, lanes.zero()), lanes.all(1e30)), turns, t, tLow, f.neg(focusing.gamma));
}

/** The same of a probability. */
@unmanaged
export class Focal extends Probability {
  /** p_t, 1 − p_t and L; α_t (1 − p_t)^γ. */
  p: v128;
  wrong: v128;
  surprise: v128;
  damping: v128;
  @inline prepare(alpha: f64, gamma: f64, epsilon: f64): void {
    focusing.prepare(alpha, gamma);
    this.epsilon = lanes.all(<real>epsilon);
  }
  /** Not inlined: its 28 loops would be most of the binary. */
  shared(x: v128, y: v128): v128 {
    const s = this.smaller(x);
    const right = v128.xor(this.upper(x), f.eq(y, lanes.zero()));
    const big = f.sub(lanes.one(), s);
    const wrong = lanes.choose(right, s, big);
    this.p = lanes.choose(right, big, s);
    this.wrong = wrong;
    this.surprise = f.neg(lanes.choose(right, math.log1m(s), math.log(s)));
    const power = focusing.times < 0 ? probabilityPower(s, right, focusing.gamma) : focusing.power(wrong);
    this.damping = f.mul(focusing.alpha(y), power);
    return s;
  }
  @inline value(_s: v128, x: v128, _y: v128): v128 {
    return focusing.damp(this.damping, this.surprise, x);
  }
  /** −(1 − p)^γ (γ L/(1 − p) + 1/p) by the label's probability. */
  @inline grad(_s: v128, x: v128, y: v128): v128 {
    // α_t/p, as 1/p alone may be infinite.
    const pole = f.div(this.damping, this.p);
    const slope = f.add(f.mul(f.mul(this.damping, focusing.gamma), this.ratio()), pole);
    return v128.xor(focusing.unless(this.damping, slope, x), lanes.sign(f.ne(y, lanes.zero())));
  }
  /** γ (1 − p)^(γ − 1) ((γ − 1) L/(1 − p) + 2/p) + (1 − p)^γ/p². */
  @inline hess(s: v128, x: v128, y: v128, _weight: v128): v128 {
    const gamma = focusing.gamma;
    const less = f.sub(gamma, lanes.one());
    const right = v128.xor(this.upper(x), f.eq(y, lanes.zero()));
    const power = focusing.times < 0 ? probabilityPower(s, right, less) : focusing.share(this.wrong);
    const inner = f.add(f.mul(less, this.ratio()), f.div(lanes.two(), this.p));
    const first = focusing.damp(f.mul(f.mul(focusing.alpha(y), power), gamma), inner, x);
    const second = f.div(f.div(this.damping, this.p), this.p);
    return f.add(first, focusing.unless(this.damping, second, x));
  }
  /** L/(1 − p), 1 at p = 1. */
  @inline ratio(): v128 {
    // At p = 0 the other terms are infinite: this one must not be −∞, nor ∞ times 0.
    const bounded = f.pmin(this.surprise, lanes.all(2000));
    return lanes.choose(f.eq(this.wrong, lanes.zero()), lanes.one(), f.div(bounded, this.wrong));
  }
}

/** (1 − p_t)^γ = e^(γ log(1 − p_t)), where 1 − p_t is s, or 1 − s without ever being rounded; γ > −1. */
function probabilityPower(s: v128, right: v128, gamma: v128): v128 {
  const bits = math.logBits(s);
  const large = f.gt(s, lanes.all(0.25));
  const folded = lanes.choose(large, f.sub(lanes.one(), f.add(s, s)), f.neg(s));
  const t = lanes.choose(right, math.logRest(bits), folded);
  const turns = lanes.choose(right, math.logTurns(bits, s), lanes.where(large, f.neg(lanes.one())));
  const power = math.power(lanes.zero(), turns, t, lanes.zero(), gamma);
  const ofNothing = lanes.where(f.lt(gamma, lanes.zero()), lanes.all(Infinity));
  return lanes.choose(v128.and(right, f.eq(s, lanes.zero())), ofNothing, power);
}
