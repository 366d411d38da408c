import { formatCount, formatSeconds } from '../../base/units.js';
import { MoatError } from '../../base/errors.js';
import { defineCommand } from '../command.js';
import { findModel } from '../stages/find-run.js';
import { filesOf } from '../stages/project-files.js';
import { loadEngine } from '../stages/serve-stage.js';

export const command = defineCommand({
  name: 'generate',
  summary: 'let the model continue a text',
  description: 'Streams a continuation of the prompt from the newest model, or from the one of --run.',
  arguments: { prompt: { description: 'the text to continue', count: 'one' } },
  options: {
    run: { kind: 'text', placeholder: 'NAME', description: 'the run whose model to ask (default: the newest)' },
    chat: { kind: 'flag', description: "treat the prompt as a user's message, rendered by the chat template" },
    maxTokens: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 1_000_000,
      default: 100,
      description: 'at most this many tokens',
    },
    temperature: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0,
      maximum: 2,
      default: 0.8,
      description: '0 always takes the likeliest token',
    },
    topK: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 1_000_000,
      default: 0,
      description: 'among the N likeliest tokens; 0 is all',
    },
    topP: {
      kind: 'number',
      placeholder: 'X',
      minimum: 0.000001,
      maximum: 1,
      default: 1,
      description: 'among the likeliest that sum to X',
    },
    seed: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 4_294_967_295,
      description: 'equal seeds give equal answers',
    },
    stop: { kind: 'list', placeholder: 'TEXT', description: 'end before this text; may be given several times' },
  },
  settings: ['serve.threads', 'serve.quantization'],
  examples: [
    { command: 'moat generate "Returns the"', does: 'continue a sentence' },
    { command: 'moat generate "Returns the" --temperature 0 --max-tokens 40', does: 'the likeliest words' },
  ],
  async run({ arguments: { prompt }, options, loadProject, terminal, signal }) {
    const project = await loadProject();
    const checkpoint = await findModel(filesOf(project).runs, options.run);
    const engine = await loadEngine(project, checkpoint);
    try {
      const promptTokens = options.chat
        ? engine.encodeChat([{ role: 'user', content: prompt }])
        : engine.encode(prompt);
      if (promptTokens.length === 0) {
        throw new MoatError('empty-prompt', 'the prompt is empty', { fix: 'Give the model something to continue.' });
      }
      const maxTokens = Math.min(options.maxTokens, engine.contextLength - promptTokens.length);
      if (maxTokens < 1) {
        throw new MoatError(
          'context-overflow',
          `the prompt has ${promptTokens.length} tokens; the model sees ${engine.contextLength}`,
          {
            fix: 'Shorten the prompt.',
          },
        );
      }
      const { temperature, topK, topP, seed, stop } = options;
      const sampling = { temperature, topK, topP, stop, ...(seed === undefined ? {} : { seed }) };
      const started = performance.now();
      let text = '';
      terminal.write(options.chat ? '' : prompt);
      for await (const chunk of engine.generate({ promptTokens, maxTokens, ...sampling }, signal)) {
        if (chunk.type === 'text') {
          text += chunk.text;
          terminal.write(chunk.text);
          continue;
        }
        const seconds = (performance.now() - started) / 1000;
        const { outputTokens, finishReason } = chunk;
        terminal.print(
          `\n${terminal.colors.dim(`${outputTokens} tokens in ${formatSeconds(seconds)}, ${formatCount(outputTokens / seconds)}/s, ${finishReason}`)}`,
        );
        return { json: { text, checkpoint, ...chunk } };
      }
      throw new Error('the engine ended without saying so');
    } finally {
      await engine.close();
    }
  },
});
