/** Whether an engine serves what the owner's file says: the model, enough context, the same tokens. */
import { invariant } from '../../../base/errors.js';
import type { Tokenizer } from '../../../lab/tokenizer/tokenizer.js';
import { type AttemptFailure, toFailure } from './attempt-failure.js';
import { type AskEngine, type EngineIdentity, type EngineName, enginePresets } from './engine-presets.js';
import type { UpstreamConnection } from './upstream-connection.js';
import type { UpstreamModel, UpstreamTarget } from './upstream-file.js';

/**
 * - `right`: everything that the engine tells is as the file says
 * - `wrong`: something is not, and the target may not be asked
 * - `away`: it did not answer, so nothing is known
 */
export type IdentityState = 'right' | 'wrong' | 'away';

export interface IdentityVerdict {
  readonly state: IdentityState;
  /** What is wrong, or why it did not answer: a line for the owner. Empty where it is right. */
  readonly problem: string;
  readonly contextLength: number | undefined;
  readonly digest: string | undefined;
  /** Undefined where one side has no tokenizer to compare. */
  readonly hasSameTokens: boolean | undefined;
}

/** Words, digits, spaces, line ends, accents, Han, an emoji of four bytes: where vocabularies part. */
export const PROBE_TEXT = 'The price is 1234.50 €,\n  “naïve” 敏捷的狐狸 don’t\t🦊 {"a": [0, 1]}';

/** @param target one with an `engine`; never throws */
export async function checkIdentity(
  { tokenizer, contextLength }: Pick<UpstreamModel, 'tokenizer' | 'contextLength'>,
  target: UpstreamTarget,
  { ask, probe }: Pick<UpstreamConnection, 'ask' | 'probe'>,
): Promise<IdentityVerdict> {
  invariant(target.engine !== undefined, `${target.url} has no engine to check`);
  const preset = enginePresets[target.engine];
  try {
    const found = await preset.identify(ask, target.model);
    const { digest } = found;
    const isServed = found.names.includes(target.model);
    const hasSameTokens = isServed && tokenizer !== undefined ? await compareTokens(tokenizer, target, ask) : undefined;
    const problem = problemWith(found, target, contextLength, hasSameTokens);
    const facts = { contextLength: found.contextLength, digest, hasSameTokens };
    if (problem !== '') return { state: 'wrong', problem, ...facts };
    // some list their models while nothing can be computed
    if (await probe(preset.healthRoute)) return { state: 'right', problem, ...facts };
    return { state: 'away', problem: `GET ${preset.healthRoute} is not answered with 200`, ...facts };
  } catch (error) {
    return { ...verdictOf(toFailure(error), target.engine), ...NOTHING_KNOWN };
  }
}

function problemWith(
  found: EngineIdentity,
  target: UpstreamTarget,
  wanted: number | null,
  hasSameTokens: boolean | undefined,
): string {
  if (!found.names.includes(target.model)) {
    const served =
      found.names.length === 0
        ? 'no model'
        : found.names
            .slice(0, 3)
            .map((name) => `"${name}"`)
            .join(', ');
    return `it serves ${served}, not "${target.model}"`;
  }
  if (target.digest !== undefined && found.digest?.startsWith(target.digest) !== true)
    return `the digest of its "${target.model}" is ${found.digest?.slice(0, 12) ?? 'not told'}, not ${target.digest.slice(0, 12)}`;
  if (wanted !== null && found.contextLength !== undefined && found.contextLength < wanted)
    return `its context has ${found.contextLength} tokens, and contextLength promises ${wanted}`;
  return hasSameTokens === false ? 'it makes other tokens of a text than the tokenizer named in the file' : '';
}

async function compareTokens(
  tokenizer: Tokenizer,
  { engine, model }: UpstreamTarget,
  ask: AskEngine,
): Promise<boolean | undefined> {
  const tokenize = engine === undefined ? undefined : enginePresets[engine].tokenize;
  const theirs = await tokenize?.(ask, model, PROBE_TEXT).catch((error: unknown) => {
    // some are started without that route
    if (toFailure(error).kind === 'not-offered') return undefined;
    throw error;
  });
  if (theirs === undefined) return undefined;
  const ours = tokenizer.encode(PROBE_TEXT);
  return theirs.length === ours.length && ours.every((id, at) => id === theirs[at]);
}

const NOTHING_KNOWN = { contextLength: undefined, digest: undefined, hasSameTokens: undefined };

/** An engine that answers, and not as this kind of engine does, is another one. */
function verdictOf(failure: AttemptFailure, engine: EngineName): Pick<IdentityVerdict, 'state' | 'problem'> {
  switch (failure.kind) {
    case 'unauthorized':
      return { state: 'wrong', problem: 'it refuses the key' };
    case 'not-offered':
    case 'refused':
    case 'broken':
      return { state: 'wrong', problem: `it does not answer as ${engine} does (${failure.message})` };
    default:
      return { state: 'away', problem: `it does not answer (${failure.message})` };
  }
}
