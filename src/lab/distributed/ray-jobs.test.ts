import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ScriptedRay, startScriptedRay } from '../../../tests/scripted-ray.js';
import { httpSend } from './http-send.js';
import { type RayJobs, createRayJobs } from './ray-jobs.js';

let ray: ScriptedRay;
let jobs: RayJobs;
beforeEach(async () => {
  ray = await startScriptedRay();
  jobs = clientOf(ray.address);
});
afterEach(() => ray.close());

const clientOf = (address: string, token?: string): RayJobs =>
  createRayJobs(new URL(address.replace(/^ray:/, 'http:')), { send: httpSend, token });

const request = {
  id: 'moat-first-1',
  entrypoint: 'python worker.py --job job.json',
  packageUri: 'gcs://_ray_pkg_0.zip',
  environment: { RAY_DEDUP_LOGS: '0' },
  requirements: [],
  metadata: { run: 'first' },
  cpus: 0,
};

test('a job is submitted, asked after, read, stopped and forgotten', async () => {
  ray.onSubmit = (_id, job) => Object.assign(job, { state: 'RUNNING', message: 'runs', logs: 'one\ntwo\n' });
  await jobs.submit(request);
  expect(ray.jobs.get(request.id)?.request).toEqual({
    submission_id: request.id,
    entrypoint: request.entrypoint,
    entrypoint_num_cpus: 0,
    metadata: { run: 'first' },
    runtime_env: { working_dir: request.packageUri, env_vars: { RAY_DEDUP_LOGS: '0' } },
  });
  expect(await jobs.status(request.id)).toEqual({ state: 'RUNNING', message: 'runs' });
  expect(await jobs.logs(request.id)).toBe('one\ntwo\n');
  await jobs.stop(request.id);
  expect((await jobs.status(request.id))?.state).toBe('STOPPED');
  await jobs.remove(request.id);
  expect(await jobs.status(request.id)).toBeUndefined();
});

test('the same package is sent once', async () => {
  const archive = Buffer.from('a package');
  const uri = await jobs.upload(archive);
  expect(await jobs.upload(archive)).toBe(uri);
  expect(uri).toMatch(/^gcs:\/\/_ray_pkg_[0-9a-f]{16}\.zip$/);
  expect(ray.packages.get(uri.slice('gcs://'.length))).toEqual(archive);
  expect(ray.requests.filter((line) => line.startsWith('PUT'))).toHaveLength(1);
});

test('a package over the limit of Ray is not sent', async () => {
  await expect(jobs.upload(new Uint8Array(100 << 20))).rejects.toMatchObject({
    code: 'package-too-large',
    message: expect.stringContaining('takes 105 MB') as string,
  });
  expect(ray.requests).toEqual([]);
});

test('nothing there', async () => {
  await ray.close();
  await expect(jobs.version()).rejects.toMatchObject({
    code: 'ray-unreachable',
    message: `${ray.address}: no Ray cluster can be reached here: nothing listens on this port`,
  });
});

test('another server', async () => {
  const web = createServer((_request, response) => response.writeHead(404).end('<html>not here</html>'));
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const address = `ray://127.0.0.1:${(web.address() as AddressInfo).port}`;
  await expect(clientOf(address).version()).rejects.toMatchObject({
    code: 'not-ray',
    message: `${address}: a server answers, but not as Ray's dashboard (status 404) would`,
  });
  web.close();
});

test('a server that speaks, but not HTTP', async () => {
  const { createServer: listen } = await import('node:net');
  const redis = listen((socket) => socket.end('-ERR unknown command\r\n'));
  await new Promise<void>((resolve) => redis.listen(0, '127.0.0.1', resolve));
  const address = `ray://127.0.0.1:${(redis.address() as AddressInfo).port}`;
  await expect(clientOf(address).version()).rejects.toMatchObject({ code: 'not-ray' });
  redis.close();
});

test.each([
  ['2.9.3', 'ray-version'],
  ['3.0.0', 'ray-version'],
])('a cluster of Ray %s', async (version, code) => {
  const other = await startScriptedRay(version);
  await expect(clientOf(other.address).version()).rejects.toMatchObject({
    code,
    message: `${other.address}: the cluster runs Ray ${version}`,
  });
  await other.close();
});

test('a token: none given, one that expired, a good one', async () => {
  ray.token = 'now';
  await expect(jobs.version()).rejects.toMatchObject({
    code: 'ray-unauthorized',
    message: `${ray.address}: this cluster asks for a token`,
  });
  await expect(clientOf(ray.address, 'before').status('x')).rejects.toMatchObject({
    code: 'ray-unauthorized',
    message: `${ray.address}: the token is not valid, or no longer`,
  });
  expect(await clientOf(ray.address, 'now').version()).toBe('2.60.0');
});

test("a full disk, and what else Ray's traceback says, on one line", async () => {
  ray.intercept = ({ method }) =>
    method === 'PUT' ? { status: 500, body: 'Traceback …\nOSError: [Errno 28] No space left on device' } : undefined;
  await expect(jobs.upload(Buffer.from('x'))).rejects.toMatchObject({ code: 'ray-disk-full' });
  ray.intercept = () => ({ status: 500, body: 'Traceback …\n  line 1\nValueError: no such thing\n' });
  await expect(jobs.submit(request)).rejects.toMatchObject({
    code: 'ray-refused',
    message: `${ray.address}: status 500: ValueError: no such thing`,
  });
});
