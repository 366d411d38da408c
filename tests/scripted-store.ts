/** An object store on loopback that speaks as S3 does, as far as Moat asks it: signatures, ranges, parts, pages, refusals. */
import { createHash } from 'node:crypto';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { authorization, sha256Hex } from '../src/lab/distributed/store-signature.js';

export interface ScriptedStore {
  /** What `AWS_ENDPOINT_URL` is to be. */
  readonly url: string;
  /** The environment of one who may do all. */
  readonly env: NodeJS.ProcessEnv;
  /** By bucket and key. */
  readonly buckets: Map<string, Map<string, Buffer>>;
  /** Every request, as `METHOD /bucket/key?query`. */
  readonly requests: string[];
  /** Parts of uploads that have neither ended nor been given up, by their ids. */
  readonly uploads: Map<string, Map<number, Buffer>>;
  /** Answers a request instead of the rules, while it returns something. `cut`: the connection breaks. */
  intercept: (request: string) => { readonly status: number; readonly code?: string } | 'cut' | undefined;
  /** Of the store's own clock, in milliseconds since 1970. */
  now: () => number;
  /** Keys that may only read. */
  readonly readers: Set<string>;
  /** Objects in one page of a list. */
  pageSize: number;
  close(): Promise<void>;
}

const SECRETS: Readonly<Record<string, string>> = { 'KEY-OF-ALL': 'all+secret/of+it', 'KEY-OF-A-READER': 'another' };
const MOST_SKEW_MS = 15 * 60_000;

interface Answer {
  readonly status: number;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

export async function startScriptedStore(): Promise<ScriptedStore> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const name = `${request.method} ${request.url}`;
      store.requests.push(name);
      const scripted = store.intercept(name);
      if (scripted === 'cut') return void request.socket.destroy();
      const { status, body, headers } =
        scripted === undefined
          ? answer(store, request, Buffer.concat(parts))
          : refused(scripted.status, scripted.code ?? 'InternalError');
      response.setHeader('date', new Date(store.now()).toUTCString());
      // S3 answers to HEAD and to 304 without a body; nothing else is asked here
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [id = '', secret = ''] = Object.entries(SECRETS)[0] ?? [];
  const store: ScriptedStore = {
    url,
    env: { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_ENDPOINT_URL: url },
    buckets: new Map([['team', new Map<string, Buffer>()]]),
    requests: [],
    uploads: new Map(),
    intercept: () => undefined,
    now: () => Date.now(),
    readers: new Set(['KEY-OF-A-READER']),
    pageSize: 1000,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return store;
}

const refused = (status: number, code: string): Answer => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>about &quot;${code}&quot;</Message></Error>`,
});

function answer(store: ScriptedStore, request: IncomingMessage, body: Buffer): Answer {
  const url = new URL(request.url ?? '', store.url);
  const problem = unsigned(store, request, url, body);
  if (problem !== undefined) return refused(403, problem);
  const [, bucket = '', key = ''] = /^\/([^/]*)\/(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
  const objects = store.buckets.get(bucket);
  if (objects === undefined) return refused(404, 'NoSuchBucket');
  const { method = '' } = request;
  const id = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  if (method !== 'GET' && store.readers.has(id)) return refused(403, 'AccessDenied');
  if (key === '') return listed(objects, url.searchParams, store.pageSize);
  if (url.searchParams.has('uploads') || url.searchParams.has('uploadId')) {
    return inParts(store.uploads, objects, key, method, url.searchParams, body);
  }
  return whole(objects, key, method, request.headers, body);
}

/** The code of what is wrong with a request's signature. */
function unsigned(store: ScriptedStore, request: IncomingMessage, url: URL, body: Buffer): string | undefined {
  const given = request.headers.authorization ?? '';
  const [, id = '', region = '', names = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/s3\/aws4_request,SignedHeaders=([^,]+),/.exec(given) ?? [];
  const secret = SECRETS[id];
  if (secret === undefined) return id === '' ? 'AccessDenied' : 'InvalidAccessKeyId';
  const header = (name: string): string => String(request.headers[name] ?? '');
  const at = header('x-amz-date');
  const signedMs = Date.parse(at.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
  if (Math.abs(signedMs - store.now()) > MOST_SKEW_MS) return 'RequestTimeTooSkewed';
  const bodyHash = sha256Hex(body);
  if (header('x-amz-content-sha256') !== bodyHash) return 'XAmzContentSHA256Mismatch';
  const headers = Object.fromEntries(
    names
      .split(';')
      .filter((name) => name !== 'host')
      .map((name) => [name, header(name)]),
  );
  const parts = { method: request.method ?? '', url, headers, bodyHash };
  const expected = authorization(parts, { id, secret }, { at, region, service: 's3' });
  return given === expected ? undefined : 'SignatureDoesNotMatch';
}

const tagOf = (content: Buffer): string => `"${createHash('md5').update(content).digest('hex')}"`;

function whole(
  objects: Map<string, Buffer>,
  key: string,
  method: string,
  headers: IncomingMessage['headers'],
  body: Buffer,
): Answer {
  const found = objects.get(key);
  if (method === 'PUT') {
    if (headers['if-none-match'] === '*' && found !== undefined) return refused(412, 'PreconditionFailed');
    objects.set(key, body);
    return { status: 200, headers: { etag: tagOf(body) } };
  }
  if (method === 'DELETE') {
    objects.delete(key);
    return { status: 204 };
  }
  if (found === undefined) return refused(404, 'NoSuchKey');
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '');
  if (range === null) return { status: 200, body: found };
  const from = Number(range[1]);
  if (from >= found.length) return refused(416, 'InvalidRange');
  return { status: 206, body: found.subarray(from, range[2] === '' ? undefined : Number(range[2]) + 1) };
}

function inParts(
  uploads: ScriptedStore['uploads'],
  objects: Map<string, Buffer>,
  key: string,
  method: string,
  query: URLSearchParams,
  body: Buffer,
): Answer {
  if (query.has('uploads')) {
    const id = `upload-${uploads.size + 1}/${key}`;
    uploads.set(id, new Map());
    return {
      status: 200,
      body: `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
    };
  }
  const id = query.get('uploadId') ?? '';
  const parts = uploads.get(id);
  if (parts === undefined) return refused(404, 'NoSuchUpload');
  if (method === 'PUT') {
    parts.set(Number(query.get('partNumber')), body);
    return { status: 200, headers: { etag: tagOf(body) } };
  }
  uploads.delete(id);
  if (method === 'DELETE') return { status: 204 };
  const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)</g)];
  const joined = named.map(([, number, tag]) => {
    const part = parts.get(Number(number));
    return part !== undefined && tagOf(part) === tag ? part : undefined;
  });
  if (joined.some((part) => part === undefined)) return refused(400, 'InvalidPart');
  objects.set(key, Buffer.concat(joined as Buffer[]));
  return { status: 200, body: '<CompleteMultipartUploadResult/>' };
}

function listed(objects: Map<string, Buffer>, query: URLSearchParams, pageSize: number): Answer {
  const prefix = query.get('prefix') ?? '';
  const after = query.get('continuation-token') ?? '';
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, pageSize);
  const entries = page.map(
    (key) => `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${objects.get(key)?.length}</Size></Contents>`,
  );
  const next = keys.length > page.length ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
  return {
    status: 200,
    body: `<ListBucketResult><IsTruncated>${next !== ''}</IsTruncated>${next}${entries.join('')}</ListBucketResult>`,
  };
}
