// AssemblyScript, compiled to WebAssembly with SIMD by scripts/build.mjs. Pointers are byte offsets into the imported
// memory; n is a count of float32 elements. Four lanes at a time, then the rest one by one, with the same arithmetic, so
// that a result does not depend on where in an array an element lies. Factors such as 1 − β arrive as arguments: taken
// from a float32 β, 1 − 0.999 would be wrong in its fifth digit.

/**
 * AdamW (Loshchilov & Hutter 2019) as PyTorch computes it: m ← β1·m + (1 − β1)·s·g; v ← β2·v + (1 − β2)·(s·g)²;
 * p ← keep·p − rate·m ÷ (√v·c2 + ε), with rate = learning rate ÷ (1 − β1ᵗ) and c2 = 1 ÷ √(1 − β2ᵗ): a product, since
 * the loop spends its time on quotients and roots.
 */
export function adamw(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  n: i32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  rate: f32,
  c2: f32,
  epsilon: f32,
  keep: f32,
  gradientScale: f32,
): void {
  const vBeta1 = f32x4.splat(beta1),
    vRest1 = f32x4.splat(rest1);
  const vBeta2 = f32x4.splat(beta2),
    vRest2 = f32x4.splat(rest2);
  const vRate = f32x4.splat(rate),
    vC2 = f32x4.splat(c2),
    vEpsilon = f32x4.splat(epsilon);
  const vKeep = f32x4.splat(keep),
    vScale = f32x4.splat(gradientScale);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    const gradient = f32x4.mul(v128.load(g + i), vScale);
    const first = f32x4.add(f32x4.mul(v128.load(m + i), vBeta1), f32x4.mul(gradient, vRest1));
    const second = f32x4.add(f32x4.mul(v128.load(v + i), vBeta2), f32x4.mul(f32x4.mul(gradient, gradient), vRest2));
    v128.store(m + i, first);
    v128.store(v + i, second);
    const divisor = f32x4.add(f32x4.mul(f32x4.sqrt(second), vC2), vEpsilon);
    v128.store(p + i, f32x4.sub(f32x4.mul(v128.load(p + i), vKeep), f32x4.div(f32x4.mul(vRate, first), divisor)));
  }
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    const gradient = load<f32>(g + i) * gradientScale;
    const first = load<f32>(m + i) * beta1 + gradient * rest1;
    const second = load<f32>(v + i) * beta2 + gradient * gradient * rest2;
    store<f32>(m + i, first);
    store<f32>(v + i, second);
    store<f32>(p + i, load<f32>(p + i) * keep - (rate * first) / (sqrt<f32>(second) * c2 + epsilon));
  }
}

/** b ← μ·b + s·g + decay·p; p ← p − rate·b. */
export function sgdMomentum(
  p: usize,
  g: usize,
  b: usize,
  n: i32,
  rate: f32,
  factor: f32,
  decay: f32,
  gradientScale: f32,
): void {
  const vRate = f32x4.splat(rate),
    vFactor = f32x4.splat(factor),
    vDecay = f32x4.splat(decay),
    vScale = f32x4.splat(gradientScale);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    const value = v128.load(p + i);
    const gradient = f32x4.add(f32x4.mul(v128.load(g + i), vScale), f32x4.mul(value, vDecay));
    const momentum = f32x4.add(f32x4.mul(v128.load(b + i), vFactor), gradient);
    v128.store(b + i, momentum);
    v128.store(p + i, f32x4.sub(value, f32x4.mul(momentum, vRate)));
  }
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    const value = load<f32>(p + i);
    const momentum = load<f32>(b + i) * factor + (load<f32>(g + i) * gradientScale + value * decay);
    store<f32>(b + i, momentum);
    store<f32>(p + i, value - momentum * rate);
  }
}

/** b ← μ·b + (1 − μ)·g; u ← (1 − μ)·g + μ·b, with rest = 1 − μ. */
export function nesterovMomentum(g: usize, b: usize, u: usize, n: i32, factor: f32, rest: f32): void {
  const vFactor = f32x4.splat(factor),
    vRest = f32x4.splat(rest);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    const share = f32x4.mul(v128.load(g + i), vRest);
    const momentum = f32x4.add(f32x4.mul(v128.load(b + i), vFactor), share);
    v128.store(b + i, momentum);
    v128.store(u + i, f32x4.add(share, f32x4.mul(momentum, vFactor)));
  }
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    const share = load<f32>(g + i) * rest;
    const momentum = load<f32>(b + i) * factor + share;
    store<f32>(b + i, momentum);
    store<f32>(u + i, share + momentum * factor);
  }
}

/** p ← keep·p + factor·u. */
export function decayAndAdd(p: usize, u: usize, n: i32, keep: f32, factor: f32): void {
  const vKeep = f32x4.splat(keep),
    vFactor = f32x4.splat(factor);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    v128.store(p + i, f32x4.add(f32x4.mul(v128.load(p + i), vKeep), f32x4.mul(v128.load(u + i), vFactor)));
  }
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    store<f32>(p + i, load<f32>(p + i) * keep + load<f32>(u + i) * factor);
  }
}

/** y ← y + a·x. */
export function axpy(y: usize, x: usize, n: i32, a: f32): void {
  const vA = f32x4.splat(a);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(y + i), f32x4.mul(v128.load(x + i), vA)));
  }
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    store<f32>(y + i, load<f32>(y + i) + load<f32>(x + i) * a);
  }
}

/** x ← a·x. */
export function scale(x: usize, n: i32, a: f32): void {
  const vA = f32x4.splat(a);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) v128.store(x + i, f32x4.mul(v128.load(x + i), vA));
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) store<f32>(x + i, load<f32>(x + i) * a);
}

/** Σ x², accumulated in float64 in four fixed partial sums, so that it is the same on every machine. */
export function sumOfSquares(x: usize, n: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    const values = v128.load(x + i);
    const a = f64x2.promote_low_f32x4(values);
    const b = f64x2.promote_low_f32x4(
      i8x16.shuffle(values, values, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
    );
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sums = f64x2.add(low, high);
  let total: f64 = f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    const value: f64 = load<f32>(x + i);
    total += value * value;
  }
  return total;
}

/** MurmurHash3's finaliser in four lanes: every bit of the result depends on every bit of the counter. */
function scrambled(counters: v128, seed: v128): v128 {
  let x = i32x4.add(i32x4.mul(counters, i32x4.splat(0x9e3779b1)), seed);
  x = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 16)), i32x4.splat(0x85ebca6b));
  x = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 13)), i32x4.splat(0xc2b2ae35));
  return v128.xor(x, i32x4.shr_u(x, 16));
}

/** Bytes of 1 where a 16-bit hash of (seed, index) lies below the threshold, else 0; whole blocks of 16 are written. */
export function bernoulli(x: usize, n: i32, threshold: i32, seed: i32): void {
  const vSeed = i32x4.splat(seed);
  const vThreshold = i16x8.splat(<i16>threshold);
  const ones = i8x16.splat(1);
  const next = i32x4.splat(4);
  let counters = i32x4(0, 1, 2, 3);
  for (let i: i32 = 0; i < n; i += 16) {
    const low = scrambled(counters, vSeed);
    counters = i32x4.add(counters, next);
    const high = scrambled(counters, vSeed);
    counters = i32x4.add(counters, next);
    const drawn = i8x16.narrow_i16x8_s(i16x8.lt_u(low, vThreshold), i16x8.lt_u(high, vThreshold));
    v128.store(x + i, v128.and(drawn, ones));
  }
}

/**
 * For every hash function (xor with an offset, product with an odd factor, high bits folded low) the least value over all
 * numbers, unsigned: into ← min(into, hashes). Four functions at a time; `functions` is a multiple of 16.
 */
export function leastHashes(numbers: usize, n: i32, factors: usize, offsets: usize, into: usize, functions: i32): void {
  const end: usize = numbers + ((<usize>n) << 2);
  for (let at: usize = 0; at < (<usize>functions) << 2; at += 64) {
    const factor0 = v128.load(factors + at),
      factor1 = v128.load(factors + at + 16);
    const factor2 = v128.load(factors + at + 32),
      factor3 = v128.load(factors + at + 48);
    const offset0 = v128.load(offsets + at),
      offset1 = v128.load(offsets + at + 16);
    const offset2 = v128.load(offsets + at + 32),
      offset3 = v128.load(offsets + at + 48);
    let least0 = v128.load(into + at),
      least1 = v128.load(into + at + 16);
    let least2 = v128.load(into + at + 32),
      least3 = v128.load(into + at + 48);
    for (let i: usize = numbers; i < end; i += 4) {
      const number = v128.load_splat<u32>(i);
      const product0 = i32x4.mul(v128.xor(number, offset0), factor0);
      const product1 = i32x4.mul(v128.xor(number, offset1), factor1);
      const product2 = i32x4.mul(v128.xor(number, offset2), factor2);
      const product3 = i32x4.mul(v128.xor(number, offset3), factor3);
      least0 = i32x4.min_u(least0, v128.xor(product0, i32x4.shr_u(product0, 15)));
      least1 = i32x4.min_u(least1, v128.xor(product1, i32x4.shr_u(product1, 15)));
      least2 = i32x4.min_u(least2, v128.xor(product2, i32x4.shr_u(product2, 15)));
      least3 = i32x4.min_u(least3, v128.xor(product3, i32x4.shr_u(product3, 15)));
    }
    v128.store(into + at, least0);
    v128.store(into + at + 16, least1);
    v128.store(into + at + 32, least2);
    v128.store(into + at + 48, least3);
  }
}
