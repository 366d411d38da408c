/** Windows-1252 bytes 80 to 9F (WHATWG index; the five free bytes stand for the C1 control of the same number). */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
const byteOf = new Map([...WINDOWS_1252].map((character, i) => [character.charCodeAt(0), 0x80 + i]));
for (let byte = 0x80; byte <= 0xff; byte++) if (!byteOf.has(byte)) byteOf.set(byte, byte);

/** Runs of what bytes 80 to FF look like when read as Latin-1 or Windows-1252. */
const HIGH_RUN = new RegExp(`[${WINDOWS_1252}\\u0080-\\u00ff]{2,}`, 'g');
/** What UTF-8 Chinese read as GBK looks like: three characters, some of them private or kana, hide two. */
const GBK_RUN = /[\u2010-\u9fff\ue000-\uffef]{3,}/g;
/**
 * What a repair may bring to light: scripts and signs of common writing. French `à »` with its no-break space is valid
 * UTF-8 too, of a Samaritan sign.
 */
const PLAUSIBLE =
  /^[\u0080-\u024f\u02c6\u02dc\u0370-\u052f\u05d0-\u06ff\u0e00-\u0e7f\u1e00-\u1eff\u2010-\u203a\u20a0-\u20bf\u2100-\u22ff\u2500-\u27bf\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff5e\u{1f300}-\u{1faff}]+$/u;
const PLAUSIBLE_CHINESE = /^[\u3001-\u3011\u4e00-\u9fff\uff01-\uff1f]+$/;
/** Repairs in a row: text is seldom broken more than twice. */
const MAX_ROUNDS = 3;

const CONTROL = /[\u0080-\u009f]/;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Repairs UTF-8 that was read as Latin-1 or Windows-1252 (`Ã©`, `â€™`), run by run, also when it happened twice, and
 * UTF-8 Chinese that was read as GBK. A run is replaced only when all of its bytes are valid UTF-8 of common writing,
 * which correct text hardly ever is; where bytes were lost the text stays as it is. Clean text comes back unchanged.
 */
export function repairMojibake(text: string): string {
  let current = text;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = repairGbk(repairLatin(current));
    if (next === current) break;
    current = next;
  }
  // Controls that the text did not have are bytes half repaired, not a repair.
  return CONTROL.test(current) && !CONTROL.test(text) ? text : current;
}

function repairLatin(text: string): string {
  return text.replace(HIGH_RUN, (run) => {
    const bytes = Uint8Array.from(run, (character) => byteOf.get(character.charCodeAt(0)) ?? 0);
    const repaired = decodeUtf8(bytes);
    return repaired !== undefined && PLAUSIBLE.test(repaired) ? repaired : run;
  });
}

function repairGbk(text: string): string {
  return text.replace(GBK_RUN, (run) => {
    const codes = gbkCodes();
    // UTF-8 Chinese starts with E3 to EF, a lead byte that GBK gives to rare characters: most runs end here.
    const first = codes.get(run.charCodeAt(0)) ?? 0;
    if (first < 0xe300 || first > 0xefff) return run;
    const bytes: number[] = [];
    for (let i = 0; i < run.length; i++) {
      const code = codes.get(run.charCodeAt(i)) ?? 0;
      bytes.push(code >> 8, code & 0xff);
    }
    const repaired = decodeUtf8(Uint8Array.from(bytes));
    return repaired !== undefined && PLAUSIBLE_CHINESE.test(repaired) ? repaired : run;
  });
}

let gbk: ReadonlyMap<number, number> | undefined;

/** UTF-16 unit -> GBK code of two bytes, made at the first use by decoding every pair. */
function gbkCodes(): ReadonlyMap<number, number> {
  if (gbk !== undefined) return gbk;
  const decoder = new TextDecoder('gbk');
  const codes = new Map<number, number>();
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      const character = decoder.decode(Uint8Array.of(lead, trail));
      if (character.length === 1 && character !== '\ufffd') codes.set(character.charCodeAt(0), (lead << 8) | trail);
    }
  }
  return (gbk = codes);
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
