/** Texts and conversations as the tokens that a model learns; knows nothing of HTTP. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { latestCheckpoint } from '../../lab/checkpoint/run-checkpoints.js';
import { conversationOf, type Message } from '../../lab/data/conversations.js';
import { readCorpus } from '../../lab/data/corpus.js';
import { type Tokenizer, loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { renderConversation } from '../../lab/train/supervised/render-conversation.js';
import type { PreviewedToken, TokenPreview } from './api-types.js';
import { isRunName } from './run-reader.js';

const TOKENIZER_FILE = 'tokenizer.json';
const MAX_TOKENIZERS = 200;
const MAX_TOKENS = 3000;
/** Of a text that is cut into tokens, in UTF-16 units. */
const MAX_TEXT = 100_000;

export interface TokenPreviews {
  /** Names of those there are; '' is the project's own. */
  tokenizers(): Promise<string[]>;
  /** A text, or a record of a conversation as JSON. @throws MoatError `tokenizer-missing`, those of `loadTokenizer`, `unlearnable-conversation` */
  ofText(tokenizer: string, text: string): Promise<TokenPreview>;
  /** A document of the training texts, by its place. @throws MoatError `unknown-document`, `corpus-missing`; as `ofText` */
  ofDocument(tokenizer: string, index: number): Promise<TokenPreview>;
}

interface Folders {
  /** The project's own tokenizer lies here. */
  readonly tokenizer: string;
  readonly corpus: string;
  readonly runs: string;
}

export function createTokenPreviews({ tokenizer: own, corpus, runs }: Folders): TokenPreviews {
  let last: { readonly file: string; readonly writtenMs: number; readonly tokenizer: Tokenizer } | undefined;
  const folderOf = async (name: string): Promise<string> => {
    if (name === '') return own;
    if (!isRunName(name)) throw missing(name);
    const run = path.join(runs, name);
    return (await latestCheckpoint(run))?.directory ?? run;
  };
  /** The last one is kept: reading one takes longer than using it. */
  const load = async (name: string): Promise<Tokenizer> => {
    const folder = await folderOf(name);
    const file = path.join(folder, TOKENIZER_FILE);
    const writtenMs = (await stat(file).catch(() => undefined))?.mtimeMs;
    if (writtenMs === undefined) throw missing(name);
    if (last?.file !== file || last.writtenMs !== writtenMs)
      last = { file, writtenMs, tokenizer: await loadTokenizer(folder) };
    return last.tokenizer;
  };
  return {
    async tokenizers() {
      const names = ['', ...(await readdir(runs).catch(() => [])).filter(isRunName).slice(0, MAX_TOKENIZERS)];
      const found = await Promise.all(
        names.map(async (name) =>
          stat(path.join(await folderOf(name), TOKENIZER_FILE)).then(
            () => name,
            () => undefined,
          ),
        ),
      );
      return found.filter((name) => name !== undefined);
    },
    async ofText(name, text) {
      const tokenizer = await load(name);
      const messages = messagesIn(text);
      return messages === undefined ? previewText(tokenizer, text, null) : previewChat(tokenizer, messages);
    },
    async ofDocument(name, index) {
      const tokenizer = await load(name);
      let at = 0;
      for await (const { id, text } of readCorpus(corpus, 'train'))
        if (at++ === index) return previewText(tokenizer, text, id);
      throw new MoatError('unknown-document', `there are ${at} training documents, and none at place ${index + 1}`);
    },
  };
}

const missing = (name: string): MoatError =>
  new MoatError(
    'tokenizer-missing',
    name === '' ? 'the project has no tokenizer yet' : `runs/${name} has no tokenizer`,
    {
      fix: 'Make one with moat tokenizer.',
    },
  );

/** Of a record in any shape that tuning reads; undefined for what is no such record, which is a text. */
function messagesIn(text: string): readonly Message[] | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const record: unknown = JSON.parse(text);
    if (typeof record !== 'object' || record === null) return undefined;
    const read = conversationOf({ ...record });
    return 'messages' in read ? read.messages : undefined;
  } catch {
    return undefined;
  }
}

/** As it is trained on: every token is learned, and the end of the text with them. */
function previewText(tokenizer: Tokenizer, text: string, id: string | null): TokenPreview {
  const part = text.slice(0, MAX_TEXT);
  const ids = [...tokenizer.encode(part), ...(part === text ? [tokenizer.endOfText] : [])];
  return preview(tokenizer, { kind: 'text', id, text, ids, isWhole: part === text }, () => true);
}

function previewChat(tokenizer: Tokenizer, messages: readonly Message[]): TokenPreview {
  const { text, tokens, mask } = renderConversation(tokenizer, { id: '1', origin: 'the record', messages });
  return preview(
    tokenizer,
    { kind: 'chat', id: null, text, ids: [...tokens], isWhole: true },
    (index) => mask[index] === 1,
  );
}

interface Cut {
  readonly kind: TokenPreview['kind'];
  readonly id: string | null;
  readonly text: string;
  readonly ids: readonly number[];
  readonly isWhole: boolean;
}

function preview(
  tokenizer: Tokenizer,
  { kind, id, text, ids, isWhole }: Cut,
  isLearned: (index: number) => boolean,
): TokenPreview {
  const special = new Map([...tokenizer.special].map(([spelling, token]) => [token, spelling]));
  const learned = ids.map((_, index) => isLearned(index));
  const shown = ids.slice(0, MAX_TOKENS);
  return {
    kind,
    id,
    vocabSize: tokenizer.vocabSize,
    characters: Array.from(text).length,
    bytes: Buffer.byteLength(text),
    tokenCount: ids.length,
    learnedCount: learned.filter(Boolean).length,
    tokens: shown.map((token, index) => tokenJson(tokenizer, special, token, learned[index] === true)),
    isCut: !isWhole || shown.length < ids.length,
  };
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A token may be a part of a character; then its bytes are shown. */
function tokenJson(
  tokenizer: Tokenizer,
  special: ReadonlyMap<number, string>,
  id: number,
  learned: boolean,
): PreviewedToken {
  const spelling = special.get(id);
  if (spelling !== undefined) return { id, text: spelling, kind: 'special', learned };
  const bytes = tokenizer.tokenBytes(id);
  try {
    return { id, text: STRICT.decode(bytes), kind: 'text', learned };
  } catch {
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0').toUpperCase());
    return { id, text: hex.join(' '), kind: 'bytes', learned };
  }
}
