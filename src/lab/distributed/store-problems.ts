/** What an object store refuses, each as one line. The workers' words for the same are in `distributed/store_problems.py`. */
import { MoatError, messageOf, systemCode } from '../../base/errors.js';
import { CONNECTION_REASONS } from './connection-reasons.js';
import type { HttpAnswer } from './http-send.js';
import type { StoreAccess } from './store-access.js';

/** The text of an element of an answer; undefined where there is none. */
export function elementOf(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text === undefined ? undefined : plainText(text);
}

const SIGNS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

const plainText = (text: string): string =>
  text
    .replaceAll(/&#(x?)([0-9a-f]+);/gi, (_all, hex: string, digits: string) =>
      String.fromCodePoint(Number.parseInt(digits, hex === '' ? 10 : 16)),
    )
    .replaceAll(/&(\w+);/g, (all, name: string) => SIGNS[name] ?? all);

/** The store's own name for what is wrong. */
export const errorCode = ({ body }: HttpAnswer): string => elementOf(body.toString('utf8'), 'Code') ?? '';

interface Explained {
  readonly code: string;
  readonly what: string;
  readonly fix: string;
}

/** @param nowMs of this machine, in milliseconds since 1970 */
export function storeProblem(access: StoreAccess, answer: HttpAnswer, nowMs: number): MoatError {
  const code = errorCode(answer);
  const said = elementOf(answer.body.toString('utf8'), 'Message') ?? '';
  const {
    code: name,
    what,
    fix,
  } = known(access, answer, code, nowMs) ?? {
    code: 'store-refused',
    what: `status ${answer.status}${[code, said]
      .filter((part) => part !== '')
      .map((part) => `: ${part.slice(0, 300)}`)
      .join('')}`,
    fix: 'Look at the address, AWS_ENDPOINT_URL, and at what the store says of it.',
  };
  return new MoatError(name, `${access.location}: ${what}`, { fix });
}

function known(
  { bucket, keys, region, sessionToken }: StoreAccess,
  { status, headers }: HttpAnswer,
  code: string,
  nowMs: number,
): Explained | undefined {
  switch (code) {
    case 'InvalidAccessKeyId':
      return wrongKey(`the key ${keys.id} is not known there`, 'Look at AWS_ACCESS_KEY_ID, and at AWS_ENDPOINT_URL.');
    case 'SignatureDoesNotMatch':
      return wrongKey(`the secret does not belong to the key ${keys.id}`, 'Look at AWS_SECRET_ACCESS_KEY.');
    case 'ExpiredToken':
    case 'InvalidToken':
    case 'TokenRefreshRequired':
      return wrongKey(
        'the session token is not valid, or no longer',
        'Renew AWS_SESSION_TOKEN and the keys beside it.',
      );
    case 'NoSuchBucket':
      return {
        code: 'store-no-bucket',
        what: `there is no bucket "${bucket}"`,
        fix: 'Make it first, or correct --storage.',
      };
    case 'RequestTimeTooSkewed':
      return {
        code: 'store-clock',
        what: `this machine's clock is ${offBy(headers.date, nowMs)}`,
        fix: 'Set the clock (NTP) and try again.',
      };
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
    case 'IllegalLocationConstraintException':
      return otherRegion(region, headers['x-amz-bucket-region']);
    default:
      break;
  }
  if (status === 301) return otherRegion(region, headers['x-amz-bucket-region']);
  if (status !== 401 && status !== 403) return undefined;
  const lent = sessionToken === undefined ? '' : ' (with AWS_SESSION_TOKEN)';
  return {
    code: 'store-forbidden',
    what: `the key ${keys.id}${lent} may not do this there`,
    fix: 'Allow it to list the bucket and to read, write and delete below --storage.',
  };
}

const wrongKey = (what: string, fix: string): Explained => ({ code: 'store-wrong-key', what, fix });

const otherRegion = (region: string, itsRegion: string | string[] | undefined): Explained => ({
  code: 'store-region',
  what: `the bucket is not in the region ${region}`,
  fix: typeof itsRegion === 'string' ? `Set AWS_REGION=${itsRegion}.` : 'Set AWS_REGION to where it lies.',
});

function offBy(theirDate: string | undefined, nowMs: number): string {
  const seconds = Math.round((nowMs - Date.parse(theirDate ?? '')) / 1000);
  if (Number.isNaN(seconds)) return "too far from the store's";
  const minutes = Math.round(Math.abs(seconds) / 60);
  return `${minutes} minutes ${seconds > 0 ? 'ahead of' : 'behind'} the store's`;
}

/** @param error of the connection, or the answer of a store that cannot work at the moment */
export function storeUnreachable({ location, base }: StoreAccess, error: unknown): MoatError {
  const reason = CONNECTION_REASONS[systemCode(error) ?? ''] ?? messageOf(error);
  return new MoatError('store-unreachable', `${location}: ${base.host} cannot be reached: ${reason}`, {
    fix: 'Look at AWS_ENDPOINT_URL, and whether the store runs.',
    cause: error,
  });
}
