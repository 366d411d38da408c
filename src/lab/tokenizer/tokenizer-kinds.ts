/** What a founder chooses among when a tokenizer is trained; apart from the code that does it, so that settings load fast. */
export const tokenizerModels = ['bpe', 'unigram', 'wordpiece'] as const;
export type TokenizerModel = (typeof tokenizerModels)[number];

/** Where texts are cut before tokens are learned, by the model that did it first. */
export const splitNames = ['gpt2', 'llama3'] as const;
export type SplitName = (typeof splitNames)[number];
