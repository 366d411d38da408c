/** From this many UTF-16 units on, V8 makes a part of a string a view of the whole. */
const LEAST_VIEW = 13;

/** The same string in memory of its own: what is remembered of a text must not keep all of the text alive. */
export function detached(part: string): string {
  return part.length < LEAST_VIEW ? part : Buffer.from(part, 'utf16le').toString('utf16le');
}
