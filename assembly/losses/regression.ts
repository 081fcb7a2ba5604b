/** Losses of the residual e = x − y. */
import { lanes } from "../lanes";
import { Loss } from "../loss";
import { math } from "../math";

/** A loss of e without parameters. */
@unmanaged
abstract class Residual extends Loss {
  @inline light(): bool {
    return true;
  }
  @inline prepare(_a: f64, _b: f64, _c: f64): void {}
  @inline shared(x: v128, y: v128): v128 {
    return f.sub(x, y);
  }
}

/** |e|. */
@unmanaged
export class Mae extends Residual {
  @inline value(e: v128, _x: v128, _y: v128): v128 {
    return lanes.size(e);
  }
  /** sign e, 0 at 0: what is not 0 is beyond ±1 when it is multiplied by the largest number twice. */
  @inline grad(e: v128, _x: v128, _y: v128): v128 {
    const large = lanes.all(sizeof<real>() == 4 ? <real>f32.MAX_VALUE : <real>f64.MAX_VALUE);
    return f.pmax(f.pmin(f.mul(f.mul(e, large), large), lanes.one()), lanes.all(-1));
  }
  @inline hess(e: v128, _x: v128, _y: v128, _weight: v128): v128 {
    return lanes.orNaN(lanes.zero(), e);
  }
}

/** e². */
@unmanaged
export class Mse extends Residual {
  @inline value(e: v128, _x: v128, _y: v128): v128 {
    return f.mul(e, e);
  }
  @inline grad(e: v128, _x: v128, _y: v128): v128 {
    return f.add(e, e);
  }
  @inline hess(e: v128, _x: v128, _y: v128, _weight: v128): v128 {
    return lanes.orNaN(f.splat(2), e);
  }
}

/** c (e − c/2), where c is e clipped to [−delta, delta]. Huber (1964). */
@unmanaged
export class Huber extends Loss {
  delta: v128;
  minus: v128;
  @inline light(): bool {
    return true;
  }
  @inline prepare(delta: f64, _b: f64, _c: f64): void {
    this.delta = lanes.all(<real>delta);
    this.minus = lanes.all(<real>-delta);
  }
  @inline shared(x: v128, y: v128): v128 {
    return f.pmax(f.pmin(f.sub(x, y), this.delta), this.minus);
  }
  @inline value(c: v128, x: v128, y: v128): v128 {
    const half = f.mul(c, lanes.half());
    // Where e and c are infinite, e − c/2 is no number; pmax with c²/2 first drops it.
    return f.pmax(f.mul(c, half), f.mul(c, f.sub(f.sub(x, y), half)));
  }
  @inline grad(c: v128, _x: v128, _y: v128): v128 {
    return c;
  }
  @inline hess(c: v128, x: v128, y: v128, _weight: v128): v128 {
    return lanes.orNaN(lanes.where(f.eq(c, f.sub(x, y)), lanes.one()), c);
  }
}

/**
 * The part of a root mean square: (se)², s a power of two that keeps the squares in range, 1 for ordinary residuals. The derivatives
 * are those of the root r over a total weight W, which come as `scale` = 1/(W·sr) and `inverse` = 1/(sr).
 */
@unmanaged
export class Rmse extends Loss {
  power: v128;
  inverse: v128;
  @inline light(): bool {
    return true;
  }
  @inline prepare(power: f64, inverse: f64, _c: f64): void {
    this.power = lanes.all(<real>power);
    this.inverse = lanes.all(<real>inverse);
  }
  @inline shared(x: v128, y: v128): v128 {
    return f.mul(f.sub(x, y), this.power);
  }
  @inline value(e: v128, _x: v128, _y: v128): v128 {
    return f.mul(e, e);
  }
  /** w e/(W r). */
  @inline grad(e: v128, _x: v128, _y: v128): v128 {
    return e;
  }
  /** w/(W r) − (w e)²/(W² r³). */
  @inline hess(e: v128, _x: v128, _y: v128, weight: v128): v128 {
    const share = f.mul(f.mul(e, this.inverse), f.mul(e, weight));
    return f.mul(this.power, f.sub(lanes.one(), share));
  }
}

/** f64: beyond the first two, squares leave the normal numbers; two powers of two that bring them back, and their inverses; the largest number. */
const RANGE = memory.data<f64>([
  6.703903964971299e153, 3.8725919148493183e-121, 3.7291703656001034e-155, 5.260135901548374e210,
  2.6815615859885194e154, 1.90109156629516e-211, 1.7976931348623157e308, 5.551115123125783e-17,
]);

/** f32: ε is brought to between 2^41 and 2^42, where no square is subnormal, nor 1/e² of an e² of at most 2^112; by 2^126 at most. */
const EPSILON_AT: f64 = 2199023255552;
const MOST_SQUARE: f32 = 5.1922969e33;
const MOST_POWER: f64 = 8.507059173023462e37;

/**
 * √(e² + ε²), both at a power of two where their squares are normal. Charbonnier et al. (1994). In f32 it is the same for all e, and e²
 * is clipped: so far beyond ε the loss is |e|. In f64 it is 1 but for extremes.
 */
@unmanaged
export class Charbonnier extends Loss {
  epsilon: v128;
  power: v128;
  inverse: v128;
  /** f32: ε² at that power. */
  bump: v128;
  /** f64: what ε² loses by its rounding, relative to it. */
  rounding: v128;
  @inline light(): bool {
    return false;
  }
  @inline prepare(epsilon: f64, _b: f64, _c: f64): void {
    this.epsilon = lanes.all(<real>epsilon);
    if (sizeof<real>() == 4) {
      const step = reinterpret<f64>(reinterpret<u64>(epsilon) & 0x7ff0000000000000);
      const power = min(EPSILON_AT / step, MOST_POWER);
      const scaled = <real>(epsilon * power);
      this.power = lanes.all(<real>power);
      this.inverse = lanes.all(<real>(1 / power));
      this.bump = lanes.all(scaled * scaled);
      return;
    }
    const mantissa = f64x2.splat(reinterpret<f64>((reinterpret<u64>(epsilon) & 0xfffffffffffff) | 0x3ff0000000000000));
    const square = f64x2.mul(mantissa, mantissa);
    this.rounding = f64x2.div(math.productError(mantissa, mantissa, square), square);
  }
  /** f32: e² + ε² at that power. f64: e at it. */
  @inline shared(x: v128, y: v128): v128 {
    const e = f.sub(x, y);
    if (sizeof<real>() == 4) {
      const c = f.mul(e, this.power);
      return f.add(f.pmin(f.mul(c, c), lanes.all(<real>MOST_SQUARE)), this.bump);
    }
    const size = f.pmax(f.abs(e), this.epsilon);
    const large = f.gt(size, lanes.at(RANGE, 0));
    const small = f.lt(size, lanes.at(RANGE, 1));
    this.power = lanes.one();
    this.inverse = lanes.one();
    if (!v128.any_true(v128.or(large, small))) return e;
    const power = lanes.choose(large, lanes.at(RANGE, 2), lanes.choose(small, lanes.at(RANGE, 3), lanes.one()));
    this.power = power;
    this.inverse = lanes.choose(large, lanes.at(RANGE, 4), lanes.choose(small, lanes.at(RANGE, 5), lanes.one()));
    return f.mul(e, power);
  }
  /** f64: e² + ε². */
  @inline square(e: v128): v128 {
    const epsilon = f.mul(this.epsilon, this.power);
    return f.add(f.mul(e, e), f.mul(epsilon, epsilon));
  }
  @inline value(shared: v128, x: v128, y: v128): v128 {
    if (sizeof<real>() == 8) return f.mul(f.sqrt(this.square(shared)), this.inverse);
    return f.pmax(f.mul(f.sqrt(shared), this.inverse), lanes.size(f.sub(x, y)));
  }
  /** e/√; ±1 at ±∞. f32: 1.97 ULP, without the correction 2.3. */
  @inline grad(shared: v128, x: v128, y: v128): v128 {
    if (sizeof<real>() == 8) {
      const most = lanes.at(RANGE, 6);
      return f.div(lanes.clip(shared, most), f.pmin(f.sqrt(this.square(shared)), most));
    }
    const root = f.sqrt(shared);
    const share = f.div(f.mul(f.sub(x, y), this.power), root);
    const clipped = f.pmax(f.pmin(share, lanes.one()), lanes.all(-1));
    // What the root rounds away, by an upper half whose square is exact; over 2 root², whose inverse a subtraction of bits has to an eighth.
    const high = math.upper(root);
    const lost = f.sub(f.sub(shared, f.mul(high, high)), f.mul(f.add(root, high), f.sub(root, high)));
    const inverse = i.sub(i.splat(0x7e6eeeee), shared);
    return f.sub(clipped, f.mul(clipped, f.mul(lost, inverse)));
  }
  /** ε²/√³; f32 in f64, half an ULP instead of 6. */
  @inline hess(e: v128, x: v128, y: v128, _weight: v128): v128 {
    if (sizeof<real>() == 8) {
      const epsilon = f.mul(this.epsilon, this.power);
      const bump = f.mul(epsilon, epsilon);
      const own = f.mul(e, e);
      const square = f.add(own, bump);
      const root = f.sqrt(square);
      const share = f.div(epsilon, root);
      // Where ε² vanishes, e² is all of the square and its root exact: then three roundings do, elsewhere they would make six.
      const far = f.mul(f.div(f.mul(share, this.power), root), share);
      const rough = f.div(f.div(bump, square), root);
      // What ε² and the sum lost, put back: 3.3 ULP instead of 5.
      const lost = f.div(f.add(math.sumError(own, bump, square), f.mul(bump, this.rounding)), square);
      const correction = f.sub(this.rounding, f.mul(lost, lanes.all(1.5)));
      const fine = f.add(rough, f.mul(rough, correction));
      return lanes.choose(f.lt(share, lanes.at(RANGE, 7)), far, f.mul(fine, this.power));
    }
    const plain = f.sub(x, y);
    return lanes.joined(this.bend(lanes.lower(plain)), this.bend(lanes.upper(plain)));
  }
  @inline bend(e: v128): v128 {
    const epsilon = lanes.lower(this.epsilon);
    const bump = f64x2.mul(epsilon, epsilon);
    const square = f64x2.add(f64x2.mul(e, e), bump);
    return f64x2.div(f64x2.div(bump, square), f64x2.sqrt(square));
  }
}

/** (log cosh e − e²/2)/e⁴ in e², |e| ≤ ¾: 2^-27.6, 2^-58.6 of log cosh. */
const LOG_COSH =
  sizeof<real>() == 4
    ? memory.data<f32>([-0.083333135, 0.022217074, -0.0067022592, 0.0020206003, -0.00043393654])
    : memory.data<f64>([
        -0.08333333333333291, 0.02222222222217102, -0.006746031743851034, 0.0021869488068825675, -0.0007386023718318126,
        0.0002565758263785234, -9.096396758137039e-5, 3.2683605718466025e-5, -1.1708352869315768e-5,
        3.959585443934389e-6, -1.0919122232534264e-6, 1.7250547077048074e-7,
      ]);

/** ln 2; ¾; where `deep` is 0; 4; in f32, the least e² whose eighth power is no subnormal number. */
const FAR =
  sizeof<real>() == 4
    ? memory.data<f32>([0.693147182, 0.75, -150.3, 4, 9.31322575e-10])
    : memory.data<f64>([0.6931471805599453, 0.75, -1367.4, 4]);

/** log cosh e: |e| − ln 2 + log(1 + u), u = e^(−2|e|); a series in e² near 0, where that loses every digit. */
@unmanaged
export class LogCosh extends Loss {
  /** u is their sum: a power of two, and the rest. */
  power: v128;
  rest: v128;
  @inline light(): bool {
    return false;
  }
  @inline prepare(_a: f64, _b: f64, _c: f64): void {}
  @inline far(x: v128, y: v128): v128 {
    return f.pmax(f.mul(lanes.below(f.sub(x, y)), lanes.two()), lanes.at(FAR, 2));
  }
  /** u, never subnormal; `deep` of the turns is what it lacks. */
  @inline shared(x: v128, y: v128): v128 {
    const far = this.far(x, y);
    const turns = math.turns(far);
    const power = math.power2(math.shallow(turns));
    const rest = f.mul(power, math.expm1(far, turns));
    this.power = power;
    this.rest = rest;
    return f.add(power, rest);
  }
  @inline value(u: v128, x: v128, y: v128): v128 {
    const e = f.sub(x, y);
    const size = lanes.size(e);
    const far = f.add(f.sub(size, lanes.at(FAR, 0)), math.log1p(u));
    const z = f.mul(e, e);
    const bounded = sizeof<real>() == 4 ? f.pmax(z, lanes.at(FAR, 4)) : z;
    const near = f.add(f.mul(z, lanes.half()), f.mul(f.mul(z, bounded), this.series(bounded)));
    return lanes.choose(f.lt(size, lanes.at(FAR, 1)), near, far);
  }
  @inline series(z: v128): v128 {
    const z2 = f.mul(z, z);
    const z4 = f.mul(z2, z2);
    const lower = math.quad(LOG_COSH, 0, z, z2);
    if (sizeof<real>() == 4) return f.add(lower, f.mul(lanes.at(LOG_COSH, 4), z4));
    const upper = f.add(math.quad(LOG_COSH, 4, z, z2), f.mul(math.quad(LOG_COSH, 8, z, z2), z4));
    return f.add(lower, f.mul(upper, z4));
  }
  /** tanh e = ±(1 − u)/(1 + u), 1 − u without rounding u first. */
  @inline grad(u: v128, x: v128, y: v128): v128 {
    return v128.or(math.lean(f.sub(lanes.one(), this.power), this.rest, u), lanes.sign(f.sub(x, y)));
  }
  /** sech² e = 4u/(1 + u)². */
  @inline hess(u: v128, x: v128, y: v128, _weight: v128): v128 {
    const deep = math.deep(math.turns(this.far(x, y)));
    return math.bell(u, lanes.zero(), f.mul(lanes.at(FAR, 3), deep));
  }
}
