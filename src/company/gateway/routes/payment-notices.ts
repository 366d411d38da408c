/**
 * `POST /webhooks/payments`: a payment service, or a script, says that a top-up was paid. The signature is all the proof there is, and
 * what was said once is booked once.
 */
import { createHash } from 'node:crypto';
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { parseMicros } from '../../../base/money.js';
import { auditAs } from '../../access/audit-log.js';
import type { Books } from '../../billing/customers.js';
import { faultOfSignature, timeOfSignature } from '../../billing/top-ups/notice-signature.js';
import { applyPaymentNotice } from '../../billing/top-ups/pay-top-up.js';
import { ApiProblem } from '../api-problem.js';
import { parseJson, readText } from '../request-body.js';

export const SIGNATURE_HEADER = 'moat-signature';

const notice = z.strictObject({
  /** The sender's own; sent again, it books nothing. */
  id: z.string().regex(/^[\w.:-]{1,200}$/, 'letters, digits and ._:-'),
  type: z.literal('top-up.paid'),
  /** The top-up's number or payment reference. */
  reference: z.string().min(1).max(100),
  /** What came in, tax included: `59.50`. */
  amount: z.string().max(30),
  currency: z.string().regex(/^[A-Z]{3}$/),
});

const STATUS_OF: Readonly<Record<string, ApiProblem['status']>> = {
  'bad-amount': 400,
  'unknown-top-up': 404,
  'top-up-closed': 409,
  'payment-differs': 409,
  'notice-changed': 409,
};

interface NoticeContext {
  readonly books: Books;
  /** Shared with the sender. Undefined: nobody may send notices. */
  readonly paymentSecret: string | undefined;
}

export function addPaymentNotices(
  app: Hono<{ Bindings: HttpBindings }>,
  { books, paymentSecret }: NoticeContext,
): void {
  if (paymentSecret === undefined) return;
  app.post('/webhooks/payments', async (c) => {
    const header = c.req.header(SIGNATURE_HEADER) ?? '';
    // Of a stranger not even the body is read.
    const time = timeOfSignature(header, books.clock.now());
    if (typeof time === 'string') throw notSigned(time);
    const body = await readText(c.env.incoming);
    const fault = faultOfSignature(header, body, { secret: paymentSecret, nowMs: books.clock.now() });
    if (fault !== undefined) throw notSigned(fault);
    const { id, reference, amount, currency } = parseJson(body, notice);
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([reference, amount, currency]))
      .digest();
    const audit = auditAs('payment notice', books.clock);
    const book = async () =>
      applyPaymentNotice(books, { id, reference, amountMicros: parseMicros(amount), currency }, { fingerprint, audit });
    const { topUp, isRepeat } = await book().catch(refuse);
    return c.json({ top_up: topUp.number, state: topUp.state, invoice: topUp.invoice, repeated: isRepeat });
  });
}

const WHY = {
  malformed: `The header ${SIGNATURE_HEADER} has to be "t=SECONDS,v1=HEX".`,
  stale: 'The signature is older than five minutes, or from the future.',
  wrong: 'The signature is not that of this body: HMAC-SHA256 over "SECONDS.BODY" with the shared secret.',
} as const;

const notSigned = (fault: keyof typeof WHY): ApiProblem => new ApiProblem(401, `${fault}_signature`, WHY[fault]);

function refuse(error: unknown): never {
  const status = error instanceof MoatError ? STATUS_OF[error.code] : undefined;
  if (!(error instanceof MoatError) || status === undefined) throw error;
  throw new ApiProblem(status, error.code.replaceAll('-', '_'), error.line, { cause: error });
}
