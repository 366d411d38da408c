import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { defineCommand } from '../command.js';
import { filesOf } from '../stages/project-files.js';
import { runTokenizerStage } from '../stages/tokenizer-stage.js';

export const command = defineCommand({
  name: 'tokenizer',
  summary: 'learn how to cut your texts into tokens',
  description:
    "Trains a byte-level BPE tokenizer on the corpus, saves it as Hugging Face's tokenizer.json, and writes the corpus as token shards for training.",
  options: {
    show: {
      kind: 'text',
      placeholder: 'TEXT',
      description: 'cut this text with the tokenizer that is there; train nothing',
    },
  },
  settings: ['tokenizer'],
  examples: [
    { command: 'moat tokenizer', does: 'train it and write the shards' },
    { command: 'moat tokenizer --vocabulary-size 8192', does: 'a larger vocabulary' },
    { command: 'moat tokenizer --show "Hello there"', does: 'see the pieces' },
  ],
  async run({ options, loadProject, reporter, terminal }) {
    const project = await loadProject();
    if (options.show !== undefined) {
      const tokenizer = await loadTokenizer(filesOf(project).tokenizer);
      const ids = tokenizer.encode(options.show);
      const pieces = ids.map((id) => Buffer.from(tokenizer.tokenBytes(id)).toString());
      terminal.print(`${ids.length} tokens: ${pieces.map((piece) => JSON.stringify(piece)).join(' ')}`);
      return { json: { ids, pieces } };
    }
    const { tokenizer, shards, bytesPerToken } = await runTokenizerStage(project, reporter);
    return {
      json: { vocabularySize: tokenizer.vocabSize, hash: tokenizer.hash, bytesPerToken, splits: shards.splits },
    };
  },
});
