/**
 * A real S3 as far as programs can tell: moto's server, on loopback, which checks signatures by AWS's own library and rights by
 * policies. `pip install 'moto[server]' -r distributed/requirements-s3.txt` beside the worker's packages.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { authorization, sha256Hex, signingTime } from '../../src/lab/distributed/store-signature.js';
import { freePort } from './free-port.js';

export interface MotoServer {
  /** The environment of a user who may do all with the bucket `team`. */
  readonly owner: NodeJS.ProcessEnv;
  /** Of one who may only look. */
  readonly reader: NodeJS.ProcessEnv;
  /** As `kill -9`: what it held is gone, and nothing listens any more. */
  stop(): Promise<void>;
}

const START_MS = 120_000;

/** What is lacking to run it, in a line; undefined where nothing is. */
export async function lacksMoto(python: string): Promise<string | undefined> {
  const program = 'import moto.server, s3fs';
  return promisify(execFile)(python, ['-c', program], { timeout: 120_000 }).then(
    () => undefined,
    () => `${python} lacks moto[server] or s3fs: what runs on S3 is not tried`,
  );
}

export async function startMoto(python: string): Promise<MotoServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    env: { ...process.env, MOTO_S3_CUSTOM_ENDPOINTS: url },
    stdio: 'ignore',
  });
  await untilThere(url, child);
  await ask(url, 's3', { method: 'PUT', path: '/team' });
  const [owner, reader] = [await makeUser(url, 'owner', 's3:*'), await makeUser(url, 'reader', 's3:ListBucket')];
  // from here on nobody does anything unsigned, or without the right to it
  await fetch(`${url}/moto-api/reset-auth`, { method: 'POST', body: '0' });
  return {
    owner,
    reader,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function makeUser(url: string, name: string, action: string): Promise<NodeJS.ProcessEnv> {
  const policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }],
  });
  await iam(url, { Action: 'CreateUser', UserName: name });
  await iam(url, { Action: 'PutUserPolicy', UserName: name, PolicyName: 'all', PolicyDocument: policy });
  const made = await iam(url, { Action: 'CreateAccessKey', UserName: name });
  const value = (element: string): string => new RegExp(`<${element}>([^<]+)<`).exec(made)?.[1] ?? '';
  return {
    AWS_ACCESS_KEY_ID: value('AccessKeyId'),
    AWS_SECRET_ACCESS_KEY: value('SecretAccessKey'),
    AWS_ENDPOINT_URL: url,
    AWS_DEFAULT_REGION: 'us-east-1',
    // else a worker without keys asks the machine's network for them
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

const iam = (url: string, fields: Record<string, string>): Promise<string> =>
  ask(url, 'iam', {
    method: 'POST',
    path: '/',
    body: new URLSearchParams({ ...fields, Version: '2010-05-08' }).toString(),
  });

interface Question {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

/** The service is known by what the request is signed for. */
async function ask(url: string, service: string, { method, path, body = '' }: Question): Promise<string> {
  const at = signingTime(Date.now());
  const bodyHash = sha256Hex(body);
  const headers = { 'x-amz-date': at, 'x-amz-content-sha256': bodyHash };
  const parts = { method, url: new URL(path, url), headers, bodyHash };
  const value = authorization(parts, { id: 'root', secret: 'root' }, { at, region: 'us-east-1', service });
  const answer = await fetch(parts.url, {
    method,
    headers: { ...headers, authorization: value, 'content-type': 'application/x-www-form-urlencoded' },
    ...(method === 'POST' ? { body } : {}),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${service} ${method} ${path}: ${answer.status} ${text}`);
  return text;
}

async function untilThere(url: string, child: ChildProcess): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += 200) {
    if (child.exitCode !== null) throw new Error(`moto ended with ${child.exitCode}`);
    if ((await fetch(`${url}/moto-api/`).catch(() => undefined)) !== undefined) return;
    await sleep(200);
  }
  throw new Error(`moto did not start within ${START_MS} ms`);
}
