/** A first sale: a customer with credit buys answers through the official client, and two requests are turned away. */
import OpenAI from 'openai';
import { MoatError } from '../../base/errors.js';
import { parseMicros } from '../../base/money.js';
import { type Books, type Customer, createCustomer } from '../../company/billing/customers.js';
import { createKey } from '../../company/billing/keys.js';
import { type LedgerEntry, balanceOf, grantCredit, ledgerEntriesOf } from '../../company/billing/ledger.js';
import { type UsageEvent, usageOf } from '../../company/billing/usage.js';

export interface Sale {
  readonly customer: Customer;
  readonly keyPrefix: string;
  /** What the model wrote after the prompt. */
  readonly completion: string;
  readonly chat: string;
  /** The two usage events, newest first, and the ledger entries of each. */
  readonly events: readonly { readonly event: UsageEvent; readonly entries: readonly LedgerEntry[] }[];
  readonly creditMicros: bigint;
  readonly balanceMicros: bigint;
  /** Status and code with which a wrong key and an empty account were refused. */
  readonly refusals: { readonly wrongKey: Refusal; readonly emptyAccount: Refusal };
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
}

export interface SaleOptions {
  readonly books: Books;
  /** The gateway's address. */
  readonly url: string;
  readonly model: string;
  readonly currency: string;
  readonly prompt: string;
  /** Told as the completion streams in. */
  readonly onText: (text: string) => void;
  readonly signal: AbortSignal;
}

const CREDIT = '1.00';
const MAX_TOKENS = 60;
const SAMPLING = { max_tokens: MAX_TOKENS, temperature: 0.7, seed: 7 } as const;

export async function sellAnswers(options: SaleOptions): Promise<Sale> {
  const { books, url, model, prompt, currency } = options;
  const creditMicros = parseMicros(CREDIT);
  const buyer = await openAccount(books, 'Demo customer', currency);
  await grantCredit(books, { customerId: buyer.customer.id, amountMicros: creditMicros, kind: 'payment' });
  const client = clientFor(url, buyer.secretKey);
  const completion = await streamCompletion(client, options);
  const chat = await streamChat(client, options);
  const broke = await openAccount(books, 'Demo customer without credit', currency);
  const ask = (key: string) => clientFor(url, key).completions.create({ model, prompt, ...SAMPLING });
  const events = await usageOf(books, { customerId: buyer.customer.id, limit: 2 });
  const { balanceMicros } = await balanceOf(books, buyer.customer.id);
  return {
    customer: buyer.customer,
    keyPrefix: buyer.displayPrefix,
    completion,
    chat,
    events: await Promise.all(
      events.map(async (event) => ({ event, entries: await ledgerEntriesOf(books, event.id) })),
    ),
    creditMicros,
    balanceMicros,
    refusals: {
      wrongKey: await refusalOf(ask(`${buyer.secretKey.slice(0, -4)}AAAA`)),
      emptyAccount: await refusalOf(ask(broke.secretKey)),
    },
  };
}

async function openAccount(books: Books, label: string, currency: string) {
  // each demo opens new accounts, so that its figures are its own
  const name = `${label} ${new Date(books.clock.now()).toISOString().slice(0, 23).replace('T', ' ')}`;
  const customer = await createCustomer(books, { name, currency });
  const { key, secretKey } = await createKey(books, { customerId: customer.id });
  return { customer, secretKey, displayPrefix: key.displayPrefix };
}

function clientFor(url: string, apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
}

async function streamCompletion(client: OpenAI, { model, prompt, onText, signal }: SaleOptions): Promise<string> {
  const stream = await client.completions.create({ model, prompt, stream: true, ...SAMPLING }, { signal });
  let text = '';
  for await (const chunk of stream) {
    const piece = chunk.choices[0]?.text ?? '';
    text += piece;
    onText(text);
  }
  return text;
}

async function streamChat(client: OpenAI, { model, prompt, signal }: SaleOptions): Promise<string> {
  const messages = [{ role: 'user' as const, content: prompt }];
  const stream = await client.chat.completions.create(
    { model, messages, stream: true, stream_options: { include_usage: true }, ...SAMPLING },
    { signal },
  );
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

/** @throws MoatError `not-refused` when the request was served after all */
async function refusalOf(request: Promise<unknown>): Promise<Refusal> {
  try {
    await request;
  } catch (error) {
    if (error instanceof OpenAI.APIError) return { status: Number(error.status), code: String(error.code) };
    throw error;
  }
  throw new MoatError('not-refused', 'a request that should have been refused was served');
}
