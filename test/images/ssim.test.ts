/** The structural similarity: what it is of one window, its laws, its derivative, and that no window or pixel is left out. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactSum, expectBits } from "../bits.js";
import { type Floats, types } from "../implementations.js";
import { fill, random } from "../random.js";
import {
  at,
  drawImages,
  imageImplementations,
  imageSuites,
  largest,
  type Pair,
  type Shape,
  shapeOf,
  show,
  sizeOf,
  WINDOW,
} from "./implementations.js";

/** How far a pixel reaches through the windows that hold it. */
const REACH = WINDOW - 1;

/** One window; two; a row and a column of windows; several rounds through the kernels' memory either way. */
const shapes = [
  shapeOf(11, 11),
  shapeOf(11, 12, 2),
  shapeOf(12, 11, 3),
  shapeOf(67, 11, 1, 2),
  shapeOf(11, 67, 4),
  shapeOf(40, 33, 3, 2),
  shapeOf(50, 45, 5),
];
const small = [shapeOf(11, 11, 1), shapeOf(13, 12, 2), shapeOf(14, 33, 3, 2)];

const anyShape = fc
  .record({
    width: fc.integer({ min: WINDOW, max: 24 }),
    height: fc.integer({ min: WINDOW, max: 24 }),
    channels: fc.integer({ min: 1, max: 4 }),
    images: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat(),
  })
  .map(({ seed, ...shape }) => ({ shape, seed }));

/** An array of another shape, whose places each say where their number comes from. */
function moved(
  array: Floats,
  to: Shape,
  from: (row: number, column: number, channel: number, image: number) => number,
) {
  const result = array.slice();
  for (let image = 0; image < to.images; image++)
    for (let row = 0; row < to.height; row++)
      for (let column = 0; column < to.width; column++)
        for (let channel = 0; channel < to.channels; channel++)
          result[at(to, row, column, channel, image)] = array[from(row, column, channel, image)] ?? NaN;
  return result;
}

/** Between two orders of the same sums in double precision: of values, and of gradients as a part of the largest derivative. */
const CLOSE = 1e-14;
const NEAR = 1e-13;

function expectClose(got: number, exact: number, what = ""): void {
  expect(Math.abs(got - exact), `${what} ${got} is not ${exact}`).toBeLessThanOrEqual(CLOSE);
}

/** Fails where derivatives are further apart than that and `roundings` times half a unit in the last place of float32. */
function expectNear(got: Floats, exact: Floats, roundings: number, what = ""): void {
  expect(got.length, what).toBe(exact.length);
  const least = NEAR * largest(exact);
  for (let k = 0; k < exact.length; k++) {
    const right = exact[k] ?? NaN;
    const off = Math.abs((got[k] ?? NaN) - right);
    if (!(off <= roundings * 2 ** -24 * Math.abs(right) + least))
      expect.fail(`${what}: ${got[k]} is not ${right} at ${k}`);
  }
}

describe.each(imageSuites)("$title", ({ implementation, losses: { ssim }, Type }) => {
  const single = Type === Float32Array;
  /** Of gradients that are compared with each other. */
  const roundings = single ? 2 : 0;

  it.each(shapes)("of equal images is 1, with the gradient 0: $images × $height × $width × $channels", (shape) => {
    const { target } = drawImages(Type, shape);
    for (const [image, peak] of [
      [target, 1],
      [target.map((y) => 255 * y), 255],
      [target, 1e-6],
      [fill(Type, sizeOf(shape), () => 0.7), 1],
      [new Type(sizeOf(shape)), 1],
    ] as const) {
      const { value, grad } = ssim.valueAndGrad(image, image.slice(), { ...shape, peak });
      expect(value).toBe(1);
      expect(largest(grad)).toBe(0);
    }
  });

  it("of constant images compares their means alone", () => {
    const shape = shapeOf(17, 44, 2);
    for (const peak of [1, 255]) {
      for (const [a, b] of [
        [0, 1],
        [0.5, 0.25],
        [1, 0.75],
        [-0.5, 0.5],
      ].map(([a = NaN, b = NaN]) => [a * peak, b * peak] as const)) {
        const constant = (x: number) => fill(Type, sizeOf(shape), () => x);
        const { value, grad } = ssim.valueAndGrad(constant(a), constant(b), { ...shape, peak });
        const c1 = (0.01 * peak) ** 2;
        const size = a * a + b * b + c1;
        const exact = (2 * a * b + c1) / size;
        // What is rounded off squares of sums of two pixels, over C₂.
        const lost = (4 * 2 ** -52) / 0.03 ** 2;
        expect(Math.abs(value - exact)).toBeLessThanOrEqual(lost);
        // All pixels together change the mean, each by its own part.
        const slope = (2 * b - 2 * a * exact) / size;
        const off = Math.abs(exactSum(grad) - slope);
        expect(off).toBeLessThanOrEqual(lost / peak + (single ? 2 ** -24 * Math.abs(slope) : 0));
      }
    }
  });

  it("of one window is what the paper says", () => {
    const shape = shapeOf(11, 11);
    const bell = Array.from({ length: 121 }, (_, k) => {
      const [across, down] = [(k % 11) - 5, Math.floor(k / 11) - 5];
      return Math.exp(-(across ** 2 + down ** 2) / (2 * 1.5 ** 2));
    });
    const weights = bell.map((weight) => weight / exactSum(bell));
    const mean = (numbers: readonly number[]) => exactSum(numbers.map((x, k) => x * (weights[k] ?? NaN)));
    for (const seed of [1, 2, 3]) {
      const { prediction, target } = drawImages(Type, shape, seed);
      const [x, y] = [Array.from(prediction), Array.from(target)];
      const [mx, my] = [mean(x), mean(y)];
      const product = (a: readonly number[], ma: number, b: readonly number[], mb: number) =>
        mean(a.map((one, k) => (one - ma) * ((b[k] ?? NaN) - mb)));
      const [xx, yy, xy] = [product(x, mx, x, mx), product(y, my, y, my), product(x, mx, y, my)];
      for (const peak of [1, 255]) {
        const [c1, c2] = [(0.01 * peak) ** 2, (0.03 * peak) ** 2];
        const exact = ((2 * mx * my + c1) * (2 * xy + c2)) / ((mx ** 2 + my ** 2 + c1) * (xx + yy + c2));
        expectClose(ssim(prediction, target, { ...shape, peak }), exact);
        // By every pixel, from the logarithms of its four factors.
        const grad = Float64Array.from(x, (own, k) => {
          const [dx, dy] = [own - mx, (y[k] ?? NaN) - my];
          const ofMeans = my / (2 * mx * my + c1) - mx / (mx ** 2 + my ** 2 + c1);
          const ofVariances = dy / (2 * xy + c2) - dx / (xx + yy + c2);
          return 2 * exact * (weights[k] ?? NaN) * (ofMeans + ofVariances);
        });
        const got = Float64Array.from(ssim.grad(prediction, target, { ...shape, peak }));
        expectNear(got, grad, single ? 1 : 0);
      }
    }
  });

  it("gives the same with and without a gradient, from every method", () => {
    for (const shape of shapes) {
      const { prediction, target } = drawImages(Type, shape);
      const { value, grad } = ssim.valueAndGrad(prediction, target, shape);
      expect(ssim(prediction, target, shape), show(shape)).toBe(value);
      expectBits(ssim.grad(prediction, target, shape), grad, show(shape));
      expect(grad.constructor).toBe(Type);
    }
  });

  it("has one channel, one image and the peak 1 unless told otherwise", () => {
    const { prediction, target } = drawImages(Type, shapeOf(15, 12));
    const { value, grad } = ssim.valueAndGrad(prediction, target, { ...shapeOf(15, 12), peak: 1 });
    const short = ssim.valueAndGrad(prediction, target, { width: 15, height: 12 });
    expect(short.value).toBe(value);
    expectBits(short.grad, grad);
  });

  it("is at most 1, and the same for either image as the prediction", () => {
    const number = fc.double({ min: -2, max: 2, noNaN: true });
    const shape = shapeOf(12, 11);
    const image = fc
      .array(number, { minLength: sizeOf(shape), maxLength: sizeOf(shape) })
      .map((numbers) => fill(Type, sizeOf(shape), (k) => numbers[k] ?? NaN));
    fc.assert(
      fc.property(image, image, fc.constantFrom(0, 2 ** -20, 1), (x, noise, amount) => {
        const y = x.map((own, k) => own + amount * (noise[k] ?? NaN));
        const value = ssim(x, y, shape);
        expect(value).toBeLessThanOrEqual(1);
        expect(value).toBeGreaterThanOrEqual(-1);
        expectClose(ssim(y, x, shape), value);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it("is within -1 and 1 for flat images, however far from the peak", () => {
    const shape = shapeOf(13, 12);
    const number = fc.integer({ min: -(10 ** 6), max: 10 ** 6 }).map((n) => n / 10 ** 6);
    fc.assert(
      fc.property(number, number, fc.integer({ min: -40, max: 10 }), (a, b, exponent) => {
        const flat = (own: number) => fill(Type, sizeOf(shape), () => own);
        const value = ssim(flat(a), flat(b), { ...shape, peak: 2 ** exponent });
        // Variances of 0 are but rounded sums of squares to the kernels, which C₂ is no match for.
        expect(value).toBeLessThanOrEqual(1);
        expect(value).toBeGreaterThanOrEqual(-1);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it("is nearly -1 for opposite images around 0", () => {
    const shape = shapeOf(20, 20);
    const x = fill(Type, sizeOf(shape), (k) => ((k + Math.floor(k / 20)) % 2 === 0 ? 1 : -1));
    const y = x.map((own) => -own);
    // Of means 0 and variances 1, near enough.
    const c2 = 0.03 ** 2;
    expect(Math.abs(ssim(x, y, shape) + (2 - c2) / (2 + c2))).toBeLessThanOrEqual(1e-4);
  });

  describe("knows nothing of", () => {
    /** The images rearranged have the same value, and its gradient rearranged. */
    function expectAlike(pair: Pair, to: Shape, from: Parameters<typeof moved>[2], what: string): void {
      const { prediction, target, shape } = pair;
      const here = ssim.valueAndGrad(prediction, target, shape);
      const there = ssim.valueAndGrad(moved(prediction, to, from), moved(target, to, from), to);
      expectClose(there.value, here.value, what);
      expectNear(there.grad, moved(here.grad, to, from), roundings, what);
    }

    const turns: readonly [
      string,
      (shape: Shape) => [to: Shape, from: (row: number, column: number) => [number, number]],
    ][] = [
      ["rows and columns exchanged", (s) => [{ ...s, width: s.height, height: s.width }, (r, c) => [c, r]]],
      ["left and right", (s) => [s, (r, c) => [r, s.width - 1 - c]]],
      ["up and down", (s) => [s, (r, c) => [s.height - 1 - r, c]]],
      ["a quarter turn", (s) => [{ ...s, width: s.height, height: s.width }, (r, c) => [s.height - 1 - c, r]]],
    ];

    it.each(turns)("%s", (what, turn) => {
      function expectTurned(shape: Shape, seed: number): void {
        const [to, from] = turn(shape);
        const place = (row: number, column: number, channel: number, image: number) =>
          at(shape, ...from(row, column), channel, image);
        expectAlike(drawImages(Type, shape, seed), to, place, `${what} of ${show(shape)}`);
      }
      fc.assert(
        fc.property(anyShape, ({ shape, seed }) => expectTurned(shape, seed)),
        { seed: 1, numRuns: 15 },
      );
      for (const shape of [shapeOf(100, 70, 3), shapeOf(11, 90, 2)]) expectTurned(shape, 1);
    });

    it("the order of channels and of images", () => {
      for (const shape of [shapeOf(40, 33, 5), shapeOf(12, 70, 3, 4)]) {
        const turned = (row: number, column: number, channel: number, image: number) =>
          at(shape, row, column, (2 * channel + 1) % shape.channels, shape.images - 1 - image);
        expectAlike(drawImages(Type, shape), shape, turned, show(shape));
      }
    });

    it("units: images and their peak times a power of two", () => {
      const shape = shapeOf(40, 33, 3);
      const { prediction, target } = drawImages(Type, shape);
      for (const peak of [1, 255]) {
        const { value, grad } = ssim.valueAndGrad(prediction, target, { ...shape, peak });
        // The smallest derivatives stay normal numbers.
        for (const exponent of single ? [-90, -1, 1, 8, 60] : [-990, -512, -1, 1, 8, 512, 900]) {
          const unit = 2 ** exponent;
          const [x, y] = [prediction.map((own) => own * unit), target.map((own) => own * unit)];
          const got = ssim.valueAndGrad(x, y, { ...shape, peak: peak * unit });
          expect(got.value, `2^${exponent}`).toBe(value);
          expectBits(
            got.grad.map((own) => own * unit),
            grad,
            `2^${exponent}`,
          );
        }
      }
    });

    it("units: images and their peak times any number", () => {
      const shape = shapeOf(40, 33, 3);
      const { prediction, target } = drawImages(Type, shape);
      // Multiples of 2⁻¹⁰ in [0, 1], of which these multiples are exact.
      for (const factor of [3, 255, 1000]) {
        const [x, y] = [prediction.map((own) => own * factor), target.map((own) => own * factor)];
        const here = ssim.valueAndGrad(prediction, target, shape);
        const got = ssim.valueAndGrad(x, y, { ...shape, peak: factor });
        expectClose(got.value, here.value, `${factor}`);
        const back = Float64Array.from(got.grad, (own) => own * factor);
        expectNear(back, Float64Array.from(here.grad), roundings, `${factor}`);
      }
    });
  });

  it("is the mean of its channels' planes", () => {
    for (const shape of shapes.filter(({ channels, images }) => channels > 1 && images === 1)) {
      const { prediction, target } = drawImages(Type, shape);
      const whole = ssim.valueAndGrad(prediction, target, shape);
      const plain = { ...shape, channels: 1 };
      const grad = Float64Array.from(whole.grad);
      const values = Array.from({ length: shape.channels }, (_, channel) => {
        const plane = (array: Floats) => fill(Type, sizeOf(plain), (k) => array[k * shape.channels + channel] ?? NaN);
        const own = ssim.valueAndGrad(plane(prediction), plane(target), plain);
        own.grad.forEach((slope, k) => {
          grad[k * shape.channels + channel] = slope / shape.channels;
        });
        return own.value;
      });
      expectClose(whole.value, exactSum(values) / shape.channels, show(shape));
      expectNear(Float64Array.from(whole.grad), grad, roundings, show(shape));
    }
  });

  it("is the mean of its images", () => {
    for (const shape of [shapeOf(11, 11, 1, 7), shapeOf(13, 40, 3, 2), shapeOf(30, 12, 2, 5)]) {
      const { prediction, target } = drawImages(Type, shape);
      const whole = ssim.valueAndGrad(prediction, target, shape);
      const one = { ...shape, images: 1 };
      const n = sizeOf(one);
      const grad = new Float64Array(prediction.length);
      const values = Array.from({ length: shape.images }, (_, image) => {
        const [x, y] = [prediction, target].map((array) => array.subarray(image * n, image * n + n));
        const own = ssim.valueAndGrad(x ?? prediction, y ?? target, one);
        grad.set(
          Float64Array.from(own.grad, (slope) => slope / shape.images),
          image * n,
        );
        return own.value;
      });
      expectClose(whole.value, exactSum(values) / shape.images, show(shape));
      expectNear(Float64Array.from(whole.grad), grad, roundings, show(shape));
    }
  });

  it("of no images is NaN, whatever size they would have", () => {
    const { value, grad } = ssim.valueAndGrad(new Type(0), new Type(0), shapeOf(11, 12, 3, 0));
    expect(value).toBe(NaN);
    expectBits(grad, new Type(0));
    expect(ssim(new Type(0), new Type(0), shapeOf(2 ** 20, 2 ** 20, 1, 0))).toBe(NaN);
  });

  /** Whether a window that lies within the image holds both rows, or both columns. */
  const share = (length: number, one: number, other: number) =>
    Math.max(0, Math.max(one, other) - REACH) <= Math.min(length - WINDOW, one, other);

  /** The first and last pixels, such as two windows or few hold, and some within; in the second channel of the last image. */
  function placesOf({ width, height, channels, images }: Shape) {
    const lines = (length: number) => [...new Set([0, length >> 1, length - WINDOW, length - 1])];
    return lines(height).flatMap((row) =>
      lines(width).map((column) => ({ row, column, channel: channels >> 1, image: images - 1 })),
    );
  }

  // Rows of several rounds through the kernels' memory; the reference knows none, and takes its time.
  it.each([shapeOf(13, 11, 2), shapeOf(24, implementation === "wasm" ? 70 : 22, 2, 2)])(
    "what is no number stays in the windows that hold it, and touches all of those: $height × $width",
    (shape) => {
      const { prediction, target } = drawImages(Type, shape);
      const { grad } = ssim.valueAndGrad(prediction, target, shape);
      const { width, height } = shape;
      for (const { row, column, channel, image } of placesOf(shape)) {
        for (const which of ["prediction", "target"] as const) {
          for (const bad of [NaN, Infinity]) {
            const what = `${bad} in ${which} at row ${row}, column ${column}`;
            const given = { prediction: prediction.slice(), target: target.slice() };
            const place = at(shape, row, column, channel, image);
            given[which][place] = bad;
            const got = ssim.valueAndGrad(given.prediction, given.target, shape);
            expect(got.value, what).toBe(NaN);
            for (let k = 0; k < got.grad.length; k++) {
              const pixel = Math.floor(k / shape.channels);
              const [r, c] = [Math.floor(pixel / width) % height, pixel % width];
              const alike = k % shape.channels === channel && Math.floor(pixel / width / height) === image;
              const within = alike && share(height, r, row) && share(width, c, column);
              const expected = within ? NaN : grad[k];
              if (!Object.is(got.grad[k], expected))
                expect.fail(`${what}: ${got.grad[k]} is not ${expected} at ${r}, ${c}`);
            }
          }
        }
      }
    },
  );

  it.runIf(single)("is worked out in double precision, and its gradient rounded once", () => {
    for (const shape of shapes) {
      const { prediction, target } = drawImages(Type, shape, 5);
      const wide = ssim.valueAndGrad(Float64Array.from(prediction), Float64Array.from(target), shape);
      const own = ssim.valueAndGrad(prediction, target, shape);
      expect(own.value, show(shape)).toBe(wide.value);
      expectBits(own.grad, Float32Array.from(wide.grad), show(shape));
    }
  });

  it("gives the same bits whatever was called before", () => {
    // The last two have rows of one length.
    const all = [...shapes, shapeOf(12, 11, 3, 2), shapeOf(36, 11)];
    const drawn = all.map((shape, k) => drawImages(Type, shape, k));
    const first = drawn.map(({ prediction, target, shape }) => ssim.valueAndGrad(prediction, target, shape));
    const orders = [
      [6, 0, 5, 1, 4, 2, 3, 7, 8],
      [8, 7, 0, 0, 1, 1, 6, 6, 2, 4, 3, 5],
    ];
    for (const order of orders) {
      for (const k of order) {
        const { prediction, target, shape } = drawn[k] ?? drawImages(Type, shapeOf(11, 11));
        const [Other, other] = single ? [Float64Array, shapeOf(33, 12)] : [Float32Array, shapeOf(12, 33)];
        const between = drawImages(Other, k % 2 ? shape : other, 9);
        // NaN stays in no memory.
        ssim.valueAndGrad(between.prediction.fill(NaN), between.target, { ...between.shape, peak: 3 });
        const got = ssim.valueAndGrad(prediction, target, shape);
        expect(got.value, show(shape)).toBe(first[k]?.value);
        expectBits(got.grad, first[k]?.grad ?? new Type(0), show(shape));
        ssim(between.prediction, between.target, between.shape);
        expect(ssim(prediction, target, shape), show(shape)).toBe(first[k]?.value);
      }
    }
  });
});

describe.each(Object.entries(imageImplementations))("%s", (_, { ssim }) => {
  const Type = Float64Array;

  /** (f(h) − f(−h))/2h, and what that leaves of h² taken off by the same of 2h. */
  function slopeOf(f: (step: number) => number, h: number): number {
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
  }

  it.each(small)(
    "has the gradient that differences say, pixel by pixel: $images × $height × $width × $channels",
    (shape) => {
      const { prediction, target } = drawImages(Type, shape, 3);
      for (const peak of shape.images === 1 ? [1, 4] : [1]) {
        const grad = ssim.grad(prediction, target, { ...shape, peak });
        const { width, height, channels, images } = shape;
        const lines = (length: number) => [0, 1, 5, length >> 1, length - 1];
        for (const row of lines(height)) {
          for (const column of lines(width)) {
            const k = at(shape, row, column, channels - 1, images - 1);
            const moved = prediction.slice();
            const f = (step: number) => {
              moved[k] = (prediction[k] ?? NaN) + step;
              return ssim(moved, target, { ...shape, peak });
            };
            const slope = slopeOf(f, 2 ** -9);
            const off = Math.abs((grad[k] ?? NaN) - slope);
            // What is left of h⁴, and the values' last bits over h.
            expect(off, `row ${row}, column ${column}: ${grad[k]} is not ${slope}`).toBeLessThanOrEqual(
              1e-8 * Math.abs(slope) + 1e-12,
            );
          }
        }
      }
    },
  );

  it.each(shapes)(
    "has the gradient that differences say, along any direction: $images × $height × $width × $channels",
    (shape) => {
      const { prediction, target } = drawImages(Type, shape, 4);
      const grad = ssim.grad(prediction, target, shape);
      for (const seed of [1, 2, 3]) {
        const draw = random(seed);
        const direction = prediction.map(() => draw() - 0.5);
        const products = direction.map((d, k) => d * (grad[k] ?? NaN));
        const f = (step: number) =>
          ssim(
            prediction.map((x, k) => x + step * (direction[k] ?? NaN)),
            target,
            shape,
          );
        const size = exactSum(products.map(Math.abs));
        expect(Math.abs(slopeOf(f, 2 ** -10) - exactSum(products))).toBeLessThanOrEqual(1e-10 * size);
      }
    },
  );

  it.each([1e-300, 1e-3, 1e300])("takes images of the peak %d", (peak) => {
    const shape = shapeOf(33, 44, 2);
    const { prediction, target } = drawImages(Type, shape);
    const here = ssim.valueAndGrad(prediction, target, shape);
    const times = (array: Floats) => array.map((x) => x * peak);
    const got = ssim.valueAndGrad(times(prediction), times(target), { ...shape, peak });
    expectClose(got.value, here.value);
    expectNear(times(got.grad), here.grad, 0);
  });
});

describe.each(types.map((Type) => ({ Type, title: Type.name })))("the kernels, $title,", ({ Type }) => {
  const { wasm, reference } = imageImplementations;
  const roundings = Type === Float32Array ? 2 : 0;

  function expectAgreement(shape: Shape, change: (x: number) => number = (x) => x): void {
    const drawn = drawImages(Type, shape, shape.width + 7 * shape.height);
    const [prediction, target] = [drawn.prediction.map(change), drawn.target.map(change)];
    const got = wasm.ssim.valueAndGrad(prediction, target, shape);
    const exact = reference.ssim.valueAndGrad(prediction, target, shape);
    expectClose(got.value, exact.value, show(shape));
    expectNear(got.grad, exact.grad, roundings, show(shape));
  }

  it("agree with the reference at every height and width", () => {
    for (let height = 11; height <= 80; height++) expectAgreement(shapeOf(11 + (height % 3), height, 1 + (height % 2)));
    for (let width = 11; width <= 60; width++) expectAgreement(shapeOf(width, 11 + (width % 3), 1 + (width % 5)));
  });

  it.each([
    shapeOf(5000, 11),
    shapeOf(11, 5000),
    shapeOf(150, 200, 3),
    shapeOf(700, 40, 3), // rows long enough for strips of fewer
    shapeOf(100, 70, 5),
    shapeOf(11, 11, 1, 300),
    shapeOf(40, 70, 2, 3),
  ])("agree with the reference through many rounds: $images × $height × $width × $channels", (shape) =>
    expectAgreement(shape),
  );

  it("agree with the reference on images far brighter than the peak", () => {
    expectAgreement(shapeOf(40, 33, 3), (x) => 255 * x);
  });
});
