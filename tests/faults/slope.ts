export interface Slope {
  /** Units of y an hour. */
  readonly perHour: number;
  /** Its 95% interval; samples beside one another are alike, so it is wider than independent ones would have it. */
  readonly low: number;
  readonly high: number;
}

/**
 * Least squares, with the variance multiplied by (1 + r) / (1 - r), where r is the correlation of neighbouring residuals.
 * @param points seconds and values, in order, at least four
 */
export function fitSlope(points: readonly (readonly [seconds: number, value: number])[]): Slope {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  const residuals = points.map(([x, y]) => y - meanY - slope * (x - meanX));
  const squares = residuals.reduce((sum, residual) => sum + residual ** 2, 0);
  const neighbours = residuals.slice(1).reduce((sum, residual, at) => sum + residual * (residuals[at] ?? 0), 0);
  const r = squares === 0 ? 0 : Math.min(0.95, Math.max(0, neighbours / squares));
  const error = Math.sqrt((squares / (count - 2) / spread) * ((1 + r) / (1 - r)));
  return { perHour: slope * 3600, low: (slope - 1.96 * error) * 3600, high: (slope + 1.96 * error) * 3600 };
}
