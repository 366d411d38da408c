/** What the playground asks, as the API wants it. */
export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface Question {
  readonly model: string;
  readonly messages?: readonly ChatMessage[];
  readonly prompt?: string;
  readonly max_tokens: number;
  readonly temperature: number;
  readonly top_p: number;
  readonly seed?: number;
  /** Of a chat, whether; of a completion, how many others to name. */
  readonly logprobs?: boolean | number;
  readonly top_logprobs?: number;
}
