/** Answers in the form of `/v1/responses`: one message of text, whole or as the events of a stream. */
import type { AnswerDone, AnswerPart } from '../backend.js';
import type { AnswerHead, StreamFormat, WholeAnswer } from '../completion-format.js';
import type { ResponsesBody } from './responses-request.js';

interface ResponsesHead extends Pick<AnswerHead, 'requestId' | 'model' | 'created'> {
  readonly body: ResponsesBody;
}

type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

const suffixOf = ({ requestId }: ResponsesHead): string => requestId.slice(4);

/** What stands in the response whatever comes of it. */
function responseOf(head: ResponsesHead, status: Status, output: readonly object[], more: object = {}): object {
  const { body, model, created } = head;
  return {
    id: `resp_${suffixOf(head)}`,
    object: 'response',
    created_at: created,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    metadata: body.metadata ?? {},
    model,
    output,
    parallel_tool_calls: false,
    previous_response_id: null,
    store: false,
    temperature: body.temperature ?? 1,
    text: { format: body.text?.format ?? { type: 'text' } },
    tool_choice: 'none',
    tools: [],
    top_p: body.top_p ?? 1,
    truncation: 'disabled',
    usage: null,
    ...more,
  };
}

const textPart = (text: string): object => ({ type: 'output_text', text, annotations: [], logprobs: [] });

const messageOf = (head: ResponsesHead, status: Status, content: readonly object[]): object => ({
  id: `msg_${suffixOf(head)}`,
  type: 'message',
  role: 'assistant',
  status,
  content,
});

const usageOf = ({ inputTokens, cachedTokens, outputTokens, reasoningTokens }: AnswerDone): object => ({
  input_tokens: inputTokens,
  input_tokens_details: { cached_tokens: cachedTokens },
  output_tokens: outputTokens,
  output_tokens_details: { reasoning_tokens: reasoningTokens },
  total_tokens: inputTokens + outputTokens,
});

/** Anything but an end of its own means that there would have been more. */
const statusOf = ({ finishReasons }: AnswerDone): 'completed' | 'incomplete' =>
  finishReasons[0] === 'stop' ? 'completed' : 'incomplete';

function endOf(head: ResponsesHead, text: string, done: AnswerDone): object {
  const status = statusOf(done);
  const reason = done.finishReasons[0] === 'content_filter' ? 'content_filter' : 'max_output_tokens';
  return responseOf(head, status, [messageOf(head, status, [textPart(text)])], {
    incomplete_details: status === 'completed' ? null : { reason },
    usage: usageOf(done),
  });
}

/** A refusal of an upstream's is text here. */
const textOf = ({ text, refusal }: AnswerPart): string => text + (refusal ?? '');

export function wholeResponse(head: ResponsesHead): WholeAnswer {
  let text = '';
  return {
    push(part) {
      text += textOf(part);
    },
    body: (done) => endOf(head, text, done),
  };
}

const OPENING_EVENTS = 4;

/** Server-sent events; their numbers run through all of them. */
export function responsesStream(head: ResponsesHead): StreamFormat {
  let text = '';
  // The opening is written with the first part, and has the first numbers whichever is made first.
  let sequence = OPENING_EVENTS;
  const event = (type: string, fields: object, number = sequence++): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: number, ...fields })}\n\n`;
  const place = { item_id: `msg_${suffixOf(head)}`, output_index: 0, content_index: 0 };
  return {
    opening() {
      const response = responseOf(head, 'in_progress', []);
      const item = messageOf(head, 'in_progress', []);
      return [
        event('response.created', { response }, 0),
        event('response.in_progress', { response }, 1),
        event('response.output_item.added', { output_index: 0, item }, 2),
        event('response.content_part.added', { ...place, part: textPart('') }, 3),
      ].join('');
    },
    part(part) {
      const delta = textOf(part);
      if (delta === '') return '';
      text += delta;
      return event('response.output_text.delta', { ...place, delta, logprobs: [] });
    },
    finish: () =>
      event('response.output_text.done', { ...place, text, logprobs: [] }) +
      event('response.content_part.done', { ...place, part: textPart(text) }),
    usage(done) {
      const status = statusOf(done);
      const item = messageOf(head, status, [textPart(text)]);
      return (
        event('response.output_item.done', { output_index: 0, item }) +
        event(`response.${status}`, { response: endOf(head, text, done) })
      );
    },
    end: '',
    failed({ code, message }) {
      const error = { code, message };
      const output = [messageOf(head, 'incomplete', [textPart(text)])];
      return event('response.failed', { response: responseOf(head, 'failed', output, { error }) });
    },
  };
}
