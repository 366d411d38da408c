/** A number for each document, in an array that grows. */
export function createNumberList() {
  let numbers = new Float64Array(1024);
  return {
    /** 0 where none was set. */
    at: (index: number): number => numbers[index] ?? 0,
    set(index: number, value: number): void {
      if (index >= numbers.length) {
        const larger = new Float64Array(Math.max(2 * numbers.length, index + 1));
        larger.set(numbers);
        numbers = larger;
      }
      numbers[index] = value;
    },
  };
}
