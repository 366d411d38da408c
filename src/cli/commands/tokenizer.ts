import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatCount } from '../../base/units.js';
import { readCorpus } from '../../lab/data/corpus.js';
import type { Document } from '../../lab/data/document.js';
import { readDocuments } from '../../lab/data/read-documents.js';
import { extendModel } from '../../lab/generate/extend-model.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { type CommandResult, defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { filesOf } from '../stages/project-files.js';
import { printTokenizerReport } from '../stages/tokenizer-report-lines.js';
import { runTokenizerStage } from '../stages/tokenizer-stage.js';
import type { Reporter } from '../terminal/reporter.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly loadProject: (options?: { readonly orDefaults?: boolean }) => Promise<Project>;
  readonly cwd: string;
  readonly source: string | undefined;
  readonly target: string | undefined;
  readonly options: { readonly texts: string | undefined; readonly tokens: number };
  readonly reporter: Reporter;
  readonly terminal: Terminal;
}

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  async report({ loadProject, cwd, source, terminal }) {
    const files = filesOf(await loadProject());
    const folder = source === undefined ? files.tokenizer : path.resolve(cwd, source);
    return { json: await printTokenizerReport(folder, files.corpus, terminal) };
  },
  extend,
};

export const command = defineCommand({
  name: 'tokenizer',
  summary: 'learn how to cut your texts into tokens',
  description:
    "Trains a tokenizer on the corpus, saves it as Hugging Face's tokenizer.json, and writes the corpus as token shards for training. report: how well a tokenizer suits the corpus, by language. extend: more tokens for a model that exists, such as those of another language.",
  arguments: {
    action: { description: 'report or extend; nothing: train', count: 'optional' },
    source: { description: 'a folder with tokenizer.json; for extend, the model', count: 'optional' },
    folder: { description: 'for extend: the folder of the larger model', count: 'optional' },
  },
  options: {
    show: {
      kind: 'text',
      placeholder: 'TEXT',
      description: 'cut this text with the tokenizer that is there; train nothing',
    },
    texts: { kind: 'text', placeholder: 'PATH', description: 'for extend: what to learn from (default: the corpus)' },
    tokens: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 262_144,
      default: 1000,
      description: 'for extend: how many to add',
    },
  },
  settings: ['tokenizer'],
  examples: [
    { command: 'moat tokenizer', does: 'train it and write the shards' },
    { command: 'moat tokenizer --vocabulary-size 8192', does: 'a larger vocabulary' },
    { command: 'moat tokenizer --tokenizer-model unigram', does: 'another way to learn' },
    { command: 'moat tokenizer --show "Hello there"', does: 'see the pieces' },
    { command: 'moat tokenizer report', does: 'bytes a token, by language' },
    { command: 'moat tokenizer extend runs/smol runs/smol-zh --tokens 2000', does: 'Chinese for an English model' },
  ],
  async run({ arguments: { action, source, folder }, options, cwd, loadProject, reporter, terminal }) {
    if (action !== undefined) {
      const handler = actions[action];
      if (handler === undefined) {
        throw new MoatError('usage', `tokenizer: "${action}" is not an action`, {
          fix: 'Write report, extend or nothing.',
        });
      }
      return handler({ loadProject, cwd, source, target: folder, options, reporter, terminal });
    }
    const project = await loadProject();
    if (options.show !== undefined) return show(filesOf(project).tokenizer, options.show, terminal);
    const { tokenizer, shards, bytesPerToken } = await runTokenizerStage(project, reporter);
    return {
      json: { vocabularySize: tokenizer.vocabSize, hash: tokenizer.hash, bytesPerToken, splits: shards.splits },
    };
  },
});

async function show(folder: string, text: string, terminal: Terminal): Promise<CommandResult> {
  const tokenizer = await loadTokenizer(folder);
  const ids = tokenizer.encode(text);
  const pieces = ids.map((id) => Buffer.from(tokenizer.tokenBytes(id)).toString());
  terminal.print(`${ids.length} tokens: ${pieces.map((piece) => JSON.stringify(piece)).join(' ')}`);
  return { json: { ids, pieces } };
}

async function extend({ loadProject, cwd, source, target, options, reporter }: Request): Promise<CommandResult> {
  if (source === undefined || target === undefined) {
    throw new MoatError('usage', 'tokenizer extend: a model and a new folder are wanted', {
      fix: 'Write moat tokenizer extend runs/smol runs/smol-zh.',
    });
  }
  const texts =
    options.texts === undefined
      ? readCorpus(filesOf(await loadProject()).corpus, 'train')
      : documentsIn(path.resolve(cwd, options.texts));
  const stage = reporter.stage('tokenizer');
  const result = await extendModel(path.resolve(cwd, source), path.resolve(cwd, target), textsOf(texts), {
    newTokens: options.tokens,
    onProgress: (tokens) => stage.progress({ text: `${formatCount(tokens)} tokens` }),
  });
  const { oldTokens, newTokens, modelType } = result;
  stage.done(`${modelType} with ${formatCount(oldTokens)} and ${formatCount(newTokens)} more tokens, in ${target}`);
  return { json: { folder: path.resolve(cwd, target), ...result } };
}

async function* documentsIn(source: string): AsyncGenerator<Document> {
  for await (const item of readDocuments(source)) if (item.kind === 'document') yield item.document;
}

async function* textsOf(documents: AsyncIterable<Document>): AsyncGenerator<string> {
  for await (const { text } of documents) yield text;
}
