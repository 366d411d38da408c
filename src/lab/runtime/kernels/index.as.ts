// AssemblyScript, compiled to WebAssembly with SIMD by scripts/build.mjs. Pointers are byte offsets into the imported
// memory, 16-byte aligned; n is a count of float32 elements. Four lanes at a time, then the rest one by one.

/** AdamW (Loshchilov & Hutter 2019) as PyTorch computes it; c1 = 1 − β1ᵗ and c2 = √(1 − β2ᵗ). */
export function adamw(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  n: i32,
  beta1: f32,
  beta2: f32,
  rate: f32,
  c1: f32,
  c2: f32,
  epsilon: f32,
  decay: f32,
  gradientScale: f32,
): void {
  const vBeta1 = f32x4.splat(beta1),
    vRest1 = f32x4.splat(1 - beta1);
  const vBeta2 = f32x4.splat(beta2),
    vRest2 = f32x4.splat(1 - beta2);
  const vRate = f32x4.splat(rate / c1),
    vC2 = f32x4.splat(c2),
    vEpsilon = f32x4.splat(epsilon);
  const vKeep = f32x4.splat(1 - decay),
    vScale = f32x4.splat(gradientScale);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    const gradient = f32x4.mul(v128.load(g + i), vScale);
    const first = f32x4.add(f32x4.mul(v128.load(m + i), vBeta1), f32x4.mul(gradient, vRest1));
    const second = f32x4.add(f32x4.mul(v128.load(v + i), vBeta2), f32x4.mul(f32x4.mul(gradient, gradient), vRest2));
    v128.store(m + i, first);
    v128.store(v + i, second);
    const divisor = f32x4.add(f32x4.div(f32x4.sqrt(second), vC2), vEpsilon);
    v128.store(p + i, f32x4.sub(f32x4.mul(v128.load(p + i), vKeep), f32x4.div(f32x4.mul(vRate, first), divisor)));
  }
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    const gradient = load<f32>(g + i) * gradientScale;
    const first = load<f32>(m + i) * beta1 + gradient * (1 - beta1);
    const second = load<f32>(v + i) * beta2 + gradient * gradient * (1 - beta2);
    store<f32>(m + i, first);
    store<f32>(v + i, second);
    store<f32>(p + i, load<f32>(p + i) * (1 - decay) - ((rate / c1) * first) / (sqrt<f32>(second) / c2 + epsilon));
  }
}

/** b ← μ·b + (1 − μ)·g; u ← (1 − μ)·g + μ·b. */
export function nesterovMomentum(g: usize, b: usize, u: usize, n: i32, factor: f32): void {
  const vFactor = f32x4.splat(factor),
    vRest = f32x4.splat(1 - factor);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    const share = f32x4.mul(v128.load(g + i), vRest);
    const momentum = f32x4.add(f32x4.mul(v128.load(b + i), vFactor), share);
    v128.store(b + i, momentum);
    v128.store(u + i, f32x4.add(share, f32x4.mul(momentum, vFactor)));
  }
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    const share = load<f32>(g + i) * (1 - factor);
    const momentum = load<f32>(b + i) * factor + share;
    store<f32>(b + i, momentum);
    store<f32>(u + i, share + momentum * factor);
  }
}

/** p ← (1 − decay)·p + factor·u. */
export function decayAndAdd(p: usize, u: usize, n: i32, decay: f32, factor: f32): void {
  const vKeep = f32x4.splat(1 - decay),
    vFactor = f32x4.splat(factor);
  const wide: usize = ((<usize>n) & ~3) << 2;
  let i: usize = 0;
  for (; i < wide; i += 16) {
    v128.store(p + i, f32x4.add(f32x4.mul(v128.load(p + i), vKeep), f32x4.mul(v128.load(u + i), vFactor)));
  }
  for (const end: usize = (<usize>n) << 2; i < end; i += 4) {
    store<f32>(p + i, load<f32>(p + i) * (1 - decay) + load<f32>(u + i) * factor);
  }
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
