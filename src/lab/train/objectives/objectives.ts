/** What a model may learn from text nobody labelled, by name; and what each asks of the model and of the tokenizer. */
import { MoatError } from '../../../base/errors.js';
import { FIM_NAMES } from '../../tokenizer/special-tokens.js';
import type { CausalModel, EncoderDecoderModel, EncoderModel } from '../../models/model.js';

/** A model that reads tokens. */
export type TokenModel = CausalModel | EncoderModel | EncoderDecoderModel;
export type TokenModelKind = TokenModel['kind'];

export const OBJECTIVES = [
  'causal',
  'masked',
  'membership',
  'infill',
  'order',
  'next-sentence',
  'contrastive',
] as const;
export type ObjectiveName = (typeof OBJECTIVES)[number];
/** Relative weights; those not named are 0. */
export type ObjectiveShares = Readonly<Partial<Record<ObjectiveName, number>>>;

export const FIM_TOKENS = FIM_NAMES[0];
export const ORDER_TOKENS = ['<|shuffled|>', '<|restored|>'] as const;
/** As T5 names them; the first span of a text is the first. */
export const SENTINELS: readonly string[] = Array.from({ length: 100 }, (_, index) => `<extra_id_${index}>`);
export const CLASSIFIER_TOKENS = ['[CLS]', '[SEP]'] as const;
export const MASK_TOKENS = [...CLASSIFIER_TOKENS, '[MASK]'] as const;

/** The special tokens an objective needs, for each kind of model it is for. */
const NEEDED: Readonly<Record<ObjectiveName, Partial<Readonly<Record<TokenModelKind, readonly string[]>>>>> = {
  causal: { causal: [] },
  masked: { encoder: MASK_TOKENS },
  membership: { encoder: MASK_TOKENS },
  infill: { causal: FIM_TOKENS, 'encoder-decoder': SENTINELS },
  order: { causal: ORDER_TOKENS, 'encoder-decoder': [], encoder: CLASSIFIER_TOKENS },
  'next-sentence': { encoder: CLASSIFIER_TOKENS },
  contrastive: { encoder: CLASSIFIER_TOKENS },
};

/** What is learned where nothing is said. */
export const USUAL_OBJECTIVE: Readonly<Record<TokenModelKind, ObjectiveName>> = {
  causal: 'causal',
  encoder: 'masked',
  'encoder-decoder': 'infill',
};

const fits = (kind: TokenModelKind): ObjectiveName[] => OBJECTIVES.filter((name) => NEEDED[name][kind] !== undefined);

/** @returns the objectives that have a weight, with it */
export function namedShares(shares: ObjectiveShares): (readonly [ObjectiveName, number])[] {
  return OBJECTIVES.flatMap((name) => {
    const share = shares[name] ?? 0;
    return share > 0 ? [[name, share] as const] : [];
  });
}

/**
 * Special tokens that the objectives need of a tokenizer made for them.
 * @throws MoatError `objective-not-for-model`
 */
export function tokensFor(shares: ObjectiveShares, kind: TokenModelKind): string[] {
  const named = namedShares(shares);
  const needed = named.map(([name]) => {
    const tokens = NEEDED[name][kind];
    if (tokens !== undefined) return tokens;
    throw new MoatError('objective-not-for-model', `train.objective: "${name}" is not for ${KINDS[kind]}`, {
      fix: `These are: ${fits(kind).join(', ')}.`,
    });
  });
  return [...new Set(needed.flat())];
}

const KINDS: Readonly<Record<TokenModelKind, string>> = {
  causal: 'a model that predicts the next token',
  encoder: 'an encoder',
  'encoder-decoder': 'an encoder-decoder',
};

/** What an objective may know of the tokenizer. */
export interface TokenKnowledge {
  /** Ids of special tokens by their spelling. */
  readonly special: ReadonlyMap<string, number>;
  readonly endOfText: number;
  readonly pad: number | undefined;
  readonly vocabSize: number;
  tokenBytes(id: number): Uint8Array;
}

/** @throws MoatError `tokenizer-lacks-tokens` naming the first that is not there */
export function specialIds<const Names extends readonly string[]>(
  tokens: TokenKnowledge,
  names: Names,
): { readonly [Index in keyof Names]: number } {
  const ids = names.map((name) => {
    const id = tokens.special.get(name);
    if (id !== undefined) return id;
    throw new MoatError('tokenizer-lacks-tokens', `train.objective: the tokenizer has no token ${name}`, {
      fix: 'Set train.objective (and model.architecture) in moat.config.ts, then run moat tokenizer again.',
    });
  });
  return ids as { [Index in keyof Names]: number };
}

/**
 * Reads `infill`, or `causal=0.7, infill=0.3`.
 * @returns what is wrong with it instead, in a few words
 */
export function readObjectives(text: string): ObjectiveShares | string {
  const shares: Partial<Record<ObjectiveName, number>> = {};
  for (const part of text.split(',')) {
    const [name = '', share = '1', ...rest] = part.split('=').map((word) => word.trim());
    const known = OBJECTIVES.find((objective) => objective === name);
    if (known === undefined) return `"${name}" is not one of ${OBJECTIVES.join(', ')}`;
    if (rest.length > 0 || share === '' || !(Number(share) > 0) || !Number.isFinite(Number(share))) {
      return `the weight of ${name} must be a number above 0`;
    }
    if (shares[known] !== undefined) return `${name} is named twice`;
    shares[known] = Number(share);
  }
  return shares;
}
