import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { z } from 'zod';
import type { Clock } from '../../../base/clock.js';
import { type AuditWriter, auditAs } from '../../access/audit-log.js';
import type { OidcClient } from '../../access/oidc.js';
import type { Permission, Role } from '../../access/permissions.js';
import type { PromptLog } from '../../access/prompt-log.js';
import type { ActiveSession, Device } from '../../access/sessions.js';
import type { Access } from '../../access/users.js';
import type { Books } from '../../billing/customers.js';
import type { ServingCosts } from '../../billing/price-floor.js';
import type { BusinessPicture } from '../../business/picture.js';
import type { ModelExports } from '../model-exports.js';
import type { OverviewOptions } from '../overview.js';
import type { RunReader } from '../run-reader.js';
import type { TrainingControl } from '../training-control.js';
import type { ServedModels } from '../served-models.js';
import type { TokenPreviews } from '../token-preview.js';
import type { ClientAddress } from './client-address.js';

/** @returns a PDF @throws MoatError `bad-month`, `no-business-file` where there is no canvas */
export type BusinessPdf = (
  what: 'report' | 'canvas',
  options: { readonly month: string | undefined; readonly language: 'en' | 'zh' },
) => Promise<Uint8Array>;

/** Everything the back office needs; made once by the gateway. */
export interface AdminContext {
  readonly clock: Clock;
  readonly books: Books;
  readonly access: Access;
  readonly overview: OverviewOptions;
  /** The business in a month, such as `2026-11`; without one, the month that runs. Undefined: there is no project to ask. */
  readonly businessOf: ((month: string | undefined) => Promise<BusinessPicture>) | undefined;
  /** What models cost to serve; asked when prices are published. Undefined: not known. */
  readonly servingCosts: (() => Promise<ServingCosts>) | undefined;
  /** The business on paper, as `businessOf`. */
  readonly businessPdf: BusinessPdf | undefined;
  /** What answers, and how that is changed. */
  readonly models: ServedModels;
  readonly projectDirectory: string;
  readonly exports: ModelExports;
  readonly runsDirectory: string;
  /** What those runs have written. */
  readonly runs: RunReader;
  /** Undefined: nothing is trained from here. */
  readonly training: TrainingControl | undefined;
  /** What `moat data` made. */
  readonly corpusDirectory: string;
  /** What `moat tokenizer` made of it. */
  readonly shardsDirectory: string;
  readonly tokenPreviews: TokenPreviews;
  /** Models fitted to tasks, a folder each. */
  readonly modelsDirectory: string;
  /** What `moat eval` measured on files of records, a folder each. */
  readonly evaluationsDirectory: string;
  readonly shutdown: AbortSignal;
  /** The owner's way in on his own machine. */
  readonly studioToken: string;
  /** `https://studio.acme.com`, where the address in the browser is not the one that is listened on. */
  readonly publicUrl: string | undefined;
  readonly addressOf: ClientAddress;
  readonly oidc: OidcClient | undefined;
  /** Undefined: prompts are not logged. */
  readonly promptLog: PromptLog | undefined;
  /** Answers a request of the studio's playground, on the admission path of all. */
  playground(bindings: HttpBindings): Promise<Response>;
}

/** Who asks. A stranger has no role. */
export interface Caller {
  /** As the audit log names him: an e-mail address or `studio token`. */
  readonly name: string;
  readonly role: Role | null;
  /** Of a user; the studio token has none. */
  readonly session: ActiveSession | undefined;
}

export interface AdminEnv {
  Bindings: HttpBindings;
  Variables: { caller: Caller };
}

export type AdminRequest = Context<AdminEnv>;

/** One route of the back office. What it needs is part of it, so that none can be open by mistake. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  readonly path: `/api/${string}`;
  readonly needs: Permission | 'signed-in' | 'anyone';
  handle(context: AdminContext, request: AdminRequest): Promise<Response>;
}

/** The audit writer of who asks. */
export const auditOf = (context: AdminContext, request: AdminRequest): AuditWriter =>
  auditAs(request.get('caller').name, context.clock);

export const deviceOf = (context: AdminContext, request: AdminRequest): Device => ({
  address: context.addressOf(request.env.incoming),
  agent: request.req.header('user-agent') ?? '',
});

/** A line of text: no control characters, which neither a name nor the database needs. */
export const line = (maximum: number): z.ZodString =>
  z
    .string()
    .max(maximum)
    .regex(/^\P{Cc}*$/u, 'no control characters');

/** `?before=ID&limit=N` of a list that goes from new to old. */
export function pageOf(request: AdminRequest): { before: bigint | undefined; limit: number } {
  const before = /^\d{1,18}$/.exec(request.req.query('before') ?? '')?.[0];
  const limit = z.coerce.number().int().min(1).max(200).catch(50).parse(request.req.query('limit'));
  return { before: before === undefined ? undefined : BigInt(before), limit };
}
