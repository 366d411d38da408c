/** Named dots between two axes. */
export interface Position {
  readonly name: string;
  readonly x: number;
  readonly y: number;
  /** Its figures, as they are read. */
  readonly facts: string;
  /** Drawn to be seen first. */
  readonly isMarked: boolean;
}

interface PositionMapProps {
  points: readonly Position[];
  xName: string;
  yName: string;
  /** For whoever cannot see it. */
  label: string;
}

export function PositionMap({ points, xName, yName, label }: PositionMapProps) {
  const x = placeIn(points.map((point) => point.x));
  const y = placeIn(points.map((point) => point.y));
  return (
    <figure class="positions">
      <figcaption class="axis-name">↑ {yName}</figcaption>
      <div class="map" role="img" aria-label={label}>
        {points.map((point) => (
          <span
            key={point.name}
            class={`point ${point.isMarked ? 'point-us' : ''} ${x(point.x) > 60 ? 'point-left' : ''} ${y(point.y) < 25 ? 'point-low' : ''}`}
            style={{ left: `${x(point.x)}%`, bottom: `${y(point.y)}%` }}
          >
            <span class="point-name">
              <span class="entry-text">{point.name}</span>
              <span class="point-value">{point.facts}</span>
            </span>
          </span>
        ))}
      </div>
      <p class="axis-name axis-x">{xName} →</p>
    </figure>
  );
}

/** Where a value stands between the ends, in percent, with room for the dots at the edges. */
function placeIn(values: readonly number[]): (value: number) => number {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (value) => (high === low ? 50 : 10 + (80 * (value - low)) / (high - low));
}
