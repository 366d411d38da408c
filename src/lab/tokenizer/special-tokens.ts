/** The tokens that are no text. They take the first ids, in this order; text that spells them is encoded as plain text. */
export const END_OF_TEXT = '<|endoftext|>';
export const PAD = '<|pad|>';
export const TURN_START = '<|im_start|>';
export const TURN_END = '<|im_end|>';

/** What ends a document in files that do not say, the likeliest first. */
export const USUAL_ENDS: readonly string[] = [END_OF_TEXT, '<|end_of_text|>', '</s>', '<eos>', '[SEP]', TURN_END];

export const SPECIAL_TOKENS: readonly string[] = [END_OF_TEXT, PAD, TURN_START, TURN_END];

/** Before the text, before what comes after the gap, before what fills it: ours, which are Qwen's and CodeGemma's too, and StarCoder's. */
export const FIM_NAMES = [
  ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'],
  ['<fim_prefix>', '<fim_suffix>', '<fim_middle>'],
] as const;

/** ChatML, as `transformers` renders it (Jinja). `Tokenizer.renderChat` gives the same ids. */
export const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
