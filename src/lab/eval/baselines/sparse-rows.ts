/** Rows of features in which most are zero (compressed sparse rows). */
export interface SparseRows {
  readonly rowCount: number;
  readonly columnCount: number;
  /** `[rowCount + 1]`: where each row begins in the two arrays below. */
  readonly starts: Uint32Array;
  readonly columns: Uint32Array;
  readonly values: Float64Array;
}

/** All features of every row, zeros included. @param values `[rowCount · columnCount]` */
export function sparseFromDense(values: ArrayLike<number>, columnCount: number): SparseRows {
  const rowCount = values.length / columnCount;
  return {
    rowCount,
    columnCount,
    starts: Uint32Array.from({ length: rowCount + 1 }, (_, row) => row * columnCount),
    columns: Uint32Array.from({ length: values.length }, (_, at) => at % columnCount),
    values: Float64Array.from(values),
  };
}
