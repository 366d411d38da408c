/** A `Backend` over a local engine: text becomes tokens here, so what a request can use is known exactly before it runs. */
import type { TextEngine } from '../../lab/generate/engine.js';
import type { AnswerDone, AnswerPart, Backend, PreparedAnswer } from './backend.js';
import { type CompletionRequest, readChat, readTextCompletion } from './completion-request.js';

export function localBackend(engine: TextEngine): Backend {
  return {
    modelId: engine.modelId,
    contextLength: engine.contextLength,
    prepareChat: (body) => prepared(engine, readChat(body, engine)),
    prepareText: (body) => prepared(engine, readTextCompletion(body, engine)),
    tokenBytes: (token) => engine.tokenBytes(token),
  };
}

function prepared(engine: TextEngine, request: CompletionRequest): PreparedAnswer {
  const { promptTokens, maxTokens, choices, sampling } = request;
  return {
    inputTokens: promptTokens.length,
    inputIsExact: true,
    maxOutputTokens: maxTokens * choices,
    choices,
    run: (cacheScope, signal) =>
      answer(engine.generate({ promptTokens, maxTokens, choices, cacheScope, ...sampling }, signal)),
  };
}

async function* answer(events: ReturnType<TextEngine['generate']>): AsyncGenerator<AnswerPart | AnswerDone> {
  for await (const event of events) {
    if (event.type === 'done') yield { ...event, reasoningTokens: 0 };
    else yield { ...event, type: 'part' };
  }
}
