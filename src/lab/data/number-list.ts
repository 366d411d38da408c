/** A number for each document, in an array that grows: whole ones below 2^32 in four bytes, any in eight. */
export interface NumberList {
  /** 0 where none was set. */
  at(index: number): number;
  set(index: number, value: number): void;
}

export function createNumberList(kind: 'whole' | 'any'): NumberList {
  const make = (length: number) => (kind === 'whole' ? new Uint32Array(length) : new Float64Array(length));
  let numbers = make(1024);
  return {
    at: (index) => numbers[index] ?? 0,
    set(index, value) {
      if (index >= numbers.length) {
        const larger = make(Math.max(Math.ceil(1.5 * numbers.length), index + 1));
        larger.set(numbers);
        numbers = larger;
      }
      numbers[index] = value;
    },
  };
}
