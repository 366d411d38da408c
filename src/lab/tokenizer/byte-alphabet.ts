/**
 * How byte-level BPE spells bytes in `tokenizer.json`: every byte is one printable character. Printable Latin-1 stands
 * for itself, the other 68 bytes are U+0100, U+0101 … in order (GPT-2, `bytes_to_unicode`).
 */
const CHARACTERS: readonly string[] = spell();
const BYTES: ReadonlyMap<string, number> = new Map(CHARACTERS.map((character, byte) => [character, byte]));

function spell(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(isPrintable ? byte : next++);
  });
}

/** All 256 bytes in the order of their characters: the order in which trainers number them. */
export const BYTES_BY_CHARACTER: readonly number[] = CHARACTERS.map((_, byte) => byte).sort((a, b) =>
  characterOf(a) < characterOf(b) ? -1 : 1,
);

export function characterOf(byte: number): string {
  return CHARACTERS[byte] as string;
}

/** The bytes a token's spelling stands for, or undefined when it holds a character that stands for none. */
export function bytesOf(spelling: string): Uint8Array | undefined {
  const bytes = new Uint8Array(spelling.length);
  for (let i = 0; i < spelling.length; i++) {
    const byte = BYTES.get(spelling[i] as string);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
