/**
 * An object store that speaks as S3 does: whole objects below a prefix of a bucket. What it is asked is signed, bodies and
 * all; what may pass is tried again. Knows nothing of runs.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { HttpAnswer, HttpRequest, HttpSend } from './http-send.js';
import type { StoreAccess } from './store-access.js';
import { elementOf, errorCode, storeProblem, storeUnreachable } from './store-problems.js';
import { authorization, encodeStrictly, sha256Hex, signingTime } from './store-signature.js';

export interface StoredObject {
  /** Below the store's prefix. */
  readonly name: string;
  readonly sizeBytes: number;
}

/** Every call throws MoatError `store-unreachable`, `store-wrong-key`, `store-forbidden`, `store-no-bucket` and so on. */
export interface ObjectStore {
  /** As it is written after `--storage`. */
  readonly location: string;
  /** An object from a byte on (empty past its end); undefined where there is none. */
  read(name: string, from?: number): Promise<Buffer | undefined>;
  write(name: string, content: string | Uint8Array): Promise<void>;
  /** Unless there is one. @returns whether it was made */
  create(name: string, content: string): Promise<boolean>;
  remove(name: string): Promise<void>;
  /** All whose names begin so, in their order. */
  list(start: string): Promise<StoredObject[]>;
  /** A file of any size, which appears whole or not at all. @param onSent bytes that have arrived */
  upload(name: string, file: string, onSent?: (bytes: number) => void): Promise<void>;
  /** Into a new file, of whatever size: what arrived is to be checked. */
  download(name: string, sizeBytes: number, file: string): Promise<void>;
}

export interface StoreConnection {
  readonly send: HttpSend;
  readonly clock: Clock;
  readonly wait: (ms: number) => Promise<void>;
}

/** A file larger than this goes in parts of this size, or larger where there would be too many. */
const PART_BYTES = 16 << 20;
const MOST_PARTS = 10_000;
const PARTS_AT_ONCE = 4;
const TIMEOUT_MS = 300_000;
const TRIES = 4;
const FIRST_PAUSE_MS = 500;

interface Call {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Answers that are no problem, beside those of success. */
  readonly fine?: readonly number[];
}

type Caller = (method: HttpRequest['method'], name: string, call?: Call) => Promise<HttpAnswer>;

export function openObjectStore(access: StoreAccess, connection: StoreConnection): ObjectStore {
  const { location } = access;
  const call = callerOf(access, connection);
  const read: ObjectStore['read'] = async (name, from = 0) => {
    const headers = from === 0 ? {} : { range: `bytes=${from}-` };
    const answer = await call('GET', name, { headers, fine: [404, 416] });
    if (answer.status === 404) return undefined;
    // a store that knows no ranges sends all of it
    if (answer.status === 200) return answer.body.subarray(from);
    return answer.status === 416 ? Buffer.alloc(0) : answer.body;
  };
  return {
    location,
    read,
    async write(name, content) {
      await call('PUT', name, { body: Buffer.from(content) });
    },
    async create(name, content) {
      if (!access.canCreate) {
        if ((await read(name)) !== undefined) return false;
        await call('PUT', name, { body: Buffer.from(content) });
        return true;
      }
      // 409: another is making it at this moment
      const only = { headers: { 'if-none-match': '*' }, fine: [409, 412] };
      const { status } = await call('PUT', name, { body: Buffer.from(content), ...only });
      return status < 300 || (await read(name))?.toString('utf8') === content;
    },
    async remove(name) {
      await call('DELETE', name, { fine: [404] });
    },
    list: (start) => list(call, access.prefix, start),
    upload: (name, file, onSent = () => {}) => upload(call, name, file, onSent),
    download: (name, sizeBytes, file) => download(call, name, sizeBytes, file),
  };
}

/** Signs, sends, and tries again what may pass. */
function callerOf(access: StoreAccess, { send, clock, wait }: StoreConnection): Caller {
  const { base, prefix, keys, region, sessionToken } = access;
  const once: Caller = (method, name, { query = {}, headers = {}, body } = {}) => {
    // without a name it is the bucket that is asked
    const path = name === '' ? '' : `${prefix}${name}`;
    const url = new URL(path.split('/').map(encodeStrictly).join('/'), base);
    url.search = Object.entries(query)
      .map((pair) => pair.map(encodeStrictly).join('='))
      .join('&');
    const bodyHash = sha256Hex(body ?? '');
    const at = signingTime(clock.now());
    const signed = {
      ...headers,
      'x-amz-content-sha256': bodyHash,
      'x-amz-date': at,
      ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
    };
    const value = authorization({ method, url, headers: signed, bodyHash }, keys, { at, region, service: 's3' });
    const request = { method, url, headers: { ...signed, authorization: value }, timeoutMs: TIMEOUT_MS };
    return send({ ...request, ...(method === 'PUT' || method === 'POST' ? { body: body ?? new Uint8Array() } : {}) });
  };
  return async (method, name, given = {}) => {
    for (let tried = 1; ; tried++) {
      const answer = await once(method, name, given).catch((error: unknown) => storeUnreachable(access, error));
      const problem = answer instanceof MoatError ? answer : passing(access, answer);
      if (problem === undefined) return accepted(access, answer as HttpAnswer, given.fine ?? [], clock.now());
      if (tried === TRIES) throw problem;
      await wait(FIRST_PAUSE_MS * 2 ** (tried - 1));
    }
  };
}

/** What may be over when it is asked again. */
function passing(access: StoreAccess, answer: HttpAnswer): MoatError | undefined {
  // 501: it cannot do this at all
  if (answer.status !== 429 && (answer.status < 500 || answer.status === 501)) return undefined;
  const code = errorCode(answer);
  return storeUnreachable(access, `status ${answer.status}${code === '' ? '' : `, ${code}`}`);
}

function accepted(access: StoreAccess, answer: HttpAnswer, fine: readonly number[], nowMs: number): HttpAnswer {
  const isFine = (answer.status >= 200 && answer.status < 300) || fine.includes(answer.status);
  // an object that is not there is no problem; a bucket is
  if (isFine && !(answer.status === 404 && errorCode(answer) === 'NoSuchBucket')) return answer;
  throw storeProblem(access, answer, nowMs);
}

async function list(call: Caller, prefix: string, start: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  let next: string | undefined;
  do {
    const query = {
      'list-type': '2',
      prefix: `${prefix}${start}`,
      'encoding-type': 'url',
      ...(next === undefined ? {} : { 'continuation-token': next }),
    };
    const xml = (await call('GET', '', { query })).body.toString('utf8');
    for (const [entry] of xml.matchAll(/<Contents>.*?<\/Contents>/gs)) {
      const key = decodeURIComponent((elementOf(entry, 'Key') ?? '').replaceAll('+', ' '));
      found.push({ name: key.slice(prefix.length), sizeBytes: Number(elementOf(entry, 'Size')) });
    }
    next = elementOf(xml, 'IsTruncated') === 'true' ? elementOf(xml, 'NextContinuationToken') : undefined;
  } while (next !== undefined);
  return found;
}

async function upload(call: Caller, name: string, file: string, onSent: (bytes: number) => void): Promise<void> {
  const source = await open(file);
  try {
    const { size } = await source.stat();
    if (size > PART_BYTES) return await uploadParts(call, name, source, size, onSent);
    await call('PUT', name, { body: await readPart(source, 0, size) });
    onSent(size);
  } finally {
    await source.close();
  }
}

async function uploadParts(
  call: Caller,
  name: string,
  source: FileHandle,
  size: number,
  onSent: (bytes: number) => void,
): Promise<void> {
  const partBytes = Math.max(PART_BYTES, Math.ceil(size / MOST_PARTS));
  const count = Math.ceil(size / partBytes);
  const begun = (await call('POST', name, { query: { uploads: '' } })).body.toString('utf8');
  const uploadId = elementOf(begun, 'UploadId') ?? '';
  const tags: string[] = [];
  try {
    await inLanes(count, async (index) => {
      const body = await readPart(source, index * partBytes, Math.min(partBytes, size - index * partBytes));
      const { headers } = await call('PUT', name, { query: { partNumber: String(index + 1), uploadId }, body });
      tags[index] = headers.etag ?? '';
      onSent(body.byteLength);
    });
    const parts = tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
    const answer = await call('POST', name, { query: { uploadId }, body });
    // it may say so after it has begun to answer with 200
    const code = errorCode(answer);
    if (code !== '') throw new MoatError('store-refused', `${name}: its parts were not put together: ${code}`);
  } catch (error) {
    await call('DELETE', name, { query: { uploadId }, fine: [404] }).catch(() => {});
    throw error;
  }
}

async function readPart(source: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const part = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await source.read(part, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new MoatError('file-changed', 'a file became shorter while it was sent');
    filled += bytesRead;
  }
  return part;
}

async function download(call: Caller, name: string, sizeBytes: number, file: string): Promise<void> {
  const target = await open(file, 'wx');
  try {
    await inLanes(Math.ceil(sizeBytes / PART_BYTES), async (index) => {
      const from = index * PART_BYTES;
      const range = `bytes=${from}-${Math.min(sizeBytes, from + PART_BYTES) - 1}`;
      const { status, body } = await call('GET', name, { headers: { range }, fine: [404, 416] });
      // what is not there, whoever reads the file finds missing
      if (status === 206) await target.write(body, 0, body.byteLength, from);
    });
  } finally {
    await target.close();
  }
}

/** Several at a time. After a failure no more are begun, and those that were are waited for. */
async function inLanes(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  let failure: unknown;
  const lane = async (): Promise<void> => {
    while (next < count && failure === undefined) await work(next++);
  };
  const lanes = Array.from({ length: PARTS_AT_ONCE }, () => lane().catch((error: unknown) => (failure ??= error)));
  await Promise.all(lanes);
  if (failure !== undefined) throw failure;
}
