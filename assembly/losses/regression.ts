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

/** Beyond the first two, squares leave the normal numbers; two powers of two that bring them back, and their inverses; the largest number. */
const RANGE =
  sizeof<real>() == 4
    ? memory.data<f32>([
        1.1529215e18, 8.8817842e-16, 8.47032947e-22, 1.2676506e30, 1.18059162e21, 7.88860905e-31, 3.40282347e38,
      ])
    : memory.data<f64>([
        3.273390607896142e150, 3.8725919148493183e-121, 2.409919865102884e-181, 5.260135901548374e210,
        4.149515568880993e180, 1.90109156629516e-211, 1.7976931348623157e308, 3.0549363634996047e-151,
      ]);

/** √(e² + ε²), both at a power of two where their squares are normal: 1 but for extremes. Charbonnier et al. (1994). */
@unmanaged
export class Charbonnier extends Loss {
  epsilon: v128;
  power: v128;
  inverse: v128;
  /** In an f64 build, what ε² loses by its rounding, relative to it. */
  rounding: v128;
  @inline light(): bool {
    return false;
  }
  @inline prepare(epsilon: f64, _b: f64, _c: f64): void {
    this.epsilon = lanes.all(<real>epsilon);
    if (sizeof<real>() == 4) return;
    const mantissa = f64x2.splat(reinterpret<f64>((reinterpret<u64>(epsilon) & 0xfffffffffffff) | 0x3ff0000000000000));
    const square = f64x2.mul(mantissa, mantissa);
    this.rounding = f64x2.div(math.productError(mantissa, mantissa, square), square);
  }
  /** e at that power. */
  @inline shared(x: v128, y: v128): v128 {
    const e = f.sub(x, y);
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
  @inline square(e: v128): v128 {
    const epsilon = f.mul(this.epsilon, this.power);
    return f.add(f.mul(e, e), f.mul(epsilon, epsilon));
  }
  @inline value(e: v128, _x: v128, _y: v128): v128 {
    return f.mul(f.sqrt(this.square(e)), this.inverse);
  }
  /** e/√; ±1 at ±∞. f32 in f64, where it needs no powers and has half an ULP instead of 2.3, in `hess` instead of 6. */
  @inline grad(e: v128, x: v128, y: v128): v128 {
    const most = lanes.at(RANGE, 6);
    if (sizeof<real>() == 8) return f.div(lanes.clip(e, most), f.pmin(f.sqrt(this.square(e)), most));
    const plain = lanes.clip(f.sub(x, y), most);
    return lanes.joined(this.steepness(lanes.lower(plain)), this.steepness(lanes.upper(plain)));
  }
  @inline steepness(e: v128): v128 {
    const epsilon = lanes.lower(this.epsilon);
    return f64x2.div(e, f64x2.sqrt(f64x2.add(f64x2.mul(e, e), f64x2.mul(epsilon, epsilon))));
  }
  /** ε²/√³. */
  @inline hess(e: v128, x: v128, y: v128, _weight: v128): v128 {
    if (sizeof<real>() == 8) {
      const epsilon = f.mul(this.epsilon, this.power);
      const bump = f.mul(epsilon, epsilon);
      const own = f.mul(e, e);
      const square = f.add(own, bump);
      const root = f.sqrt(square);
      const share = f.div(epsilon, root);
      // Where ε² vanishes, e² is all of the square and its root exact: then three roundings do, elsewhere they would make six.
      const far = f.mul(f.div(share, root), share);
      const rough = f.div(f.div(bump, square), root);
      // What ε² and the sum lost, put back: 3.3 ULP instead of 5.
      const lost = f.div(f.add(math.sumError(own, bump, square), f.mul(bump, this.rounding)), square);
      const correction = f.sub(this.rounding, f.mul(lost, lanes.all(1.5)));
      const fine = f.add(rough, f.mul(rough, correction));
      const near = lanes.choose(f.lt(square, lanes.all(Infinity)), fine, rough);
      return f.mul(lanes.choose(f.lt(epsilon, lanes.at(RANGE, 7)), far, near), this.power);
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

/** ln 2; ¾; where `deep` is 0; 4. */
const FAR =
  sizeof<real>() == 4
    ? memory.data<f32>([0.693147182, 0.75, -150.3, 4])
    : memory.data<f64>([0.6931471805599453, 0.75, -1367.4, 4]);

/** log cosh e: |e| − ln 2 + log(1 + u), u = e^(−2|e|); a series in e² near 0, where that loses every digit. */
@unmanaged
export class LogCosh extends Loss {
  expm1: v128;
  turns: v128;
  @inline light(): bool {
    return false;
  }
  @inline prepare(_a: f64, _b: f64, _c: f64): void {}
  /** u, never subnormal; `deep` of the turns is what it lacks. */
  @inline shared(x: v128, y: v128): v128 {
    const far = f.pmax(f.mul(lanes.below(f.sub(x, y)), lanes.two()), lanes.at(FAR, 2));
    const turns = math.turns(far);
    const expm1 = math.expm1(far, turns);
    this.expm1 = expm1;
    this.turns = turns;
    return f.mul(f.add(lanes.one(), expm1), math.power2(math.shallow(turns)));
  }
  @inline value(u: v128, x: v128, y: v128): v128 {
    const e = f.sub(x, y);
    const size = f.abs(e);
    const far = f.add(f.sub(size, lanes.at(FAR, 0)), math.log1p(u));
    const z = f.mul(e, e);
    const near = f.add(f.mul(z, lanes.half()), f.mul(f.mul(z, z), this.series(z)));
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
    const power = math.power2(math.shallow(this.turns));
    const without = f.sub(f.sub(lanes.one(), power), f.mul(power, this.expm1));
    return v128.or(math.lean(without, u), lanes.sign(f.sub(x, y)));
  }
  /** sech² e = 4u/(1 + u)². */
  @inline hess(u: v128, _x: v128, _y: v128, _weight: v128): v128 {
    const lost = math.lost(this.expm1, f.add(lanes.one(), this.expm1));
    return math.bell(u, lost, f.mul(lanes.at(FAR, 3), math.deep(this.turns)));
  }
}
