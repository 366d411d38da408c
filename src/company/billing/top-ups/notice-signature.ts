/** How a payment notice proves who sent it: HMAC-SHA256 over its time and its bytes, as the large payment services do it. Pure. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** How far the sender's clock may be off; what is older may have been listened to. */
export const NOTICE_TOLERANCE_MS = 300_000;

export type SignatureFault = 'malformed' | 'stale' | 'wrong';

/** @returns the header `t=1893456000,v1=<hex>` */
export function signNotice(body: string, { secret, atMs }: { secret: string; atMs: number }): string {
  const seconds = Math.floor(atMs / 1000);
  return `t=${seconds},v1=${digest(body, secret, seconds).toString('hex')}`;
}

/** Reads a header alone, before the body is waited for. @returns what is wrong with it */
export function timeOfSignature(
  header: string,
  nowMs: number,
): number | Extract<SignatureFault, 'malformed' | 'stale'> {
  const [, time] = HEADER.exec(header) ?? [];
  if (time === undefined) return 'malformed';
  return Math.abs(nowMs - Number(time) * 1000) > NOTICE_TOLERANCE_MS ? 'stale' : Number(time);
}

/** @returns what is wrong with the signature; undefined where nothing is */
export function faultOfSignature(
  header: string,
  body: string,
  { secret, nowMs }: { secret: string; nowMs: number },
): SignatureFault | undefined {
  const seconds = timeOfSignature(header, nowMs);
  if (typeof seconds === 'string') return seconds;
  const [, , given = ''] = HEADER.exec(header) ?? [];
  return timingSafeEqual(Buffer.from(given, 'hex'), digest(body, secret, seconds)) ? undefined : 'wrong';
}

const HEADER = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;

const digest = (body: string, secret: string, seconds: number): Buffer =>
  createHmac('sha256', secret).update(`${seconds}.${body}`).digest();
