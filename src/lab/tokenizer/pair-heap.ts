/**
 * A binary heap of candidates for the next merge: the most frequent pair first; of equally frequent ones the pair with
 * the smaller left id, then the smaller right id. Entries grow stale when counts change: the reader checks and pushes
 * the pair again.
 */
export interface Candidate {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

export interface CandidateHeap {
  push(candidate: Candidate): void;
  pop(): Candidate | undefined;
}

export function createCandidateHeap(): CandidateHeap {
  const heap: Candidate[] = [];
  const at = (index: number): Candidate => heap[index] as Candidate;
  const swap = (a: number, b: number): void => {
    const held = at(a);
    heap[a] = at(b);
    heap[b] = held;
  };
  return {
    push(candidate) {
      let index = heap.push(candidate) - 1;
      while (index > 0) {
        const parent = (index - 1) >> 1;
        if (!isBefore(at(index), at(parent))) return;
        swap(index, parent);
        index = parent;
      }
    },
    pop() {
      const top = heap[0];
      const last = heap.pop();
      if (top === undefined || last === undefined || heap.length === 0) return top;
      heap[0] = last;
      for (let index = 0; ;) {
        let first = 2 * index + 1;
        if (first >= heap.length) return top;
        if (first + 1 < heap.length && isBefore(at(first + 1), at(first))) first++;
        if (!isBefore(at(first), at(index))) return top;
        swap(index, first);
        index = first;
      }
    },
  };
}

function isBefore(a: Candidate, b: Candidate): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}
