/** Faults that were found once, each by its name. */
import { describe, expect, it } from "vitest";
import { implementations } from "./implementations.js";

describe.each(Object.entries(implementations))("%s", (_, implementation) => {
  const { bce, bceWithLogits, charbonnier, focal, huber, mse } = implementation;

  it.each([Float32Array, Float64Array])("focal with γ = 0 is bce also where p is 0 and so is ε: %o", (Type) => {
    const ends = [Type.of(0, 0, 1, 1), Type.of(0, 1, 0, 1)] as const;
    const options = { epsilon: 0, reduction: "none" } as const;
    const { value, grad, hess } = bce.valueGradHess(...ends, options);
    expect(focal.valueGradHess(...ends, { ...options, alpha: null, gamma: 0 })).toEqual({ value, grad, hess });
  });

  it.each([0.5, 1, 2])("focal has infinite derivatives at p = 0 with ε = 0, γ = %d", (gamma) => {
    const { grad, hess } = focal.valueGradHess([0], [1], { alpha: null, gamma, epsilon: 0, reduction: "none" });
    expect([...grad, ...hess]).toEqual([-Infinity, Infinity]);
  });

  it("an option's getter that changes an array cannot make a call read another call's", () => {
    mse(new Float32Array(16).fill(5), new Float32Array(16).fill(77));
    const buffer: ArrayBuffer = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 64 }]);
    const prediction = new Float32Array(buffer);
    const options = {
      get reduction(): "sum" {
        Reflect.apply(Reflect.get(buffer, "resize"), buffer, [64]);
        return "sum";
      },
    };
    expect(() => mse(prediction, new Float32Array(2), options)).toThrow(/target must have 16 elements/);
  });

  it("weights whose sum is infinite are refused", () => {
    const options = { weights: [1.7e308, 1.7e308] };
    expect(() => huber([1, 1], [0, 0], options)).toThrow("huber: weights must have a finite sum, got Infinity");
  });

  it("a finite parameter stays finite in float32", () => {
    const { value } = bceWithLogits.valueGradHess(Float32Array.of(1, 0), Float32Array.of(0, 0), {
      posWeight: 1e300,
      reduction: "none",
    });
    expect(value[0]).toBeCloseTo(Math.log1p(Math.E), 6);
    expect(value[1]).toBeCloseTo(Math.LN2, 6);
    expect(charbonnier.grad(Float32Array.of(1), Float32Array.of(0), { epsilon: 1e300 })[0]).toBeLessThan(1e-30);
  });

  it("a large posWeight leaves a confident right answer at 0", () => {
    const { value, grad } = bceWithLogits.valueGradHess([1000, 1e4], [1, 1], { posWeight: 1e25, reduction: "none" });
    expect([...value, ...grad].every((x) => Math.abs(x) < 1e-300)).toBe(true);
  });

  it("arrays of a subclass are read in rounds without its constructor", () => {
    class Named extends Float32Array {
      constructor(name: string) {
        super(name.length);
      }
    }
    const named = new Named("x".repeat(3000)).fill(1);
    expect(mse(named, new Float32Array(3000))).toBe(1);
  });

  it("what a loss says of its parameters cannot be changed", () => {
    expect(Reflect.set(huber.parameters.delta, "default", 7)).toBe(false);
  });
});
