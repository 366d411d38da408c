/**
 * BPE over characters, as SentencePiece makes it (Llama 2, Gemma, Mistral): a piece begins as its characters, one that the
 * vocabulary lacks as the tokens of its bytes or as the unknown token. Equal to Hugging Face's BPE model.
 */
import { mergeSymbols } from './bpe-encoder.js';
import { byteOfToken } from './decoder.js';
import type { MergePairs } from './merge-pairs.js';

export interface CharacterBpeVocabulary {
  readonly idOf: ReadonlyMap<string, number>;
  readonly merges: MergePairs;
  readonly unknownId: number | undefined;
  /** Neighbouring unknown characters are one unknown token. */
  readonly fuseUnknown: boolean;
  readonly byteFallback: boolean;
  /** A piece that is a token is taken as it is, whatever the merges would make of it. */
  readonly ignoreMerges: boolean;
}

/** @returns cuts one piece into ids; a character that nothing spells leaves none */
export function createCharacterBpe(vocabulary: CharacterBpeVocabulary): (piece: string) => readonly number[] {
  const { idOf, unknownId, fuseUnknown, ignoreMerges } = vocabulary;
  const idOfByte = vocabulary.byteFallback ? byteIds(idOf) : undefined;
  return (piece) => {
    const whole = ignoreMerges ? idOf.get(piece) : undefined;
    if (whole !== undefined) return [whole];
    const symbols: number[] = [];
    let wasUnknown = false;
    for (const character of piece.replace(/\p{Cs}/gu, '\uFFFD')) {
      const known = idOf.get(character);
      const spelled = known === undefined ? spell(character, idOfByte) : [known];
      if (spelled !== undefined) symbols.push(...spelled);
      else if (unknownId !== undefined && !(fuseUnknown && wasUnknown)) symbols.push(unknownId);
      wasUnknown = spelled === undefined;
    }
    return mergeSymbols(symbols, vocabulary.merges);
  };
}

function byteIds(idOf: ReadonlyMap<string, number>): Int32Array {
  const ids = new Int32Array(256).fill(-1);
  for (const [token, id] of idOf) {
    const byte = byteOfToken(token);
    if (byte !== undefined) ids[byte] = id;
  }
  return ids;
}

/** The tokens of a character's bytes; undefined when one is missing. */
function spell(character: string, idOfByte: Int32Array | undefined): number[] | undefined {
  if (idOfByte === undefined) return undefined;
  const ids = Array.from(Buffer.from(character), (byte) => idOfByte[byte] as number);
  return ids.every((id) => id >= 0) ? ids : undefined;
}
