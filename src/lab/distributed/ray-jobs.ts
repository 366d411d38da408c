/**
 * Ray's Jobs REST API, as its own Python client speaks it. Knows of jobs and packages, not of training.
 * https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { MoatError, messageOf, systemCode } from '../../base/errors.js';
import { CONNECTION_REASONS } from './connection-reasons.js';
import { formatBytes } from '../../base/units.js';
import type { HttpAnswer, HttpRequest, HttpSend } from './http-send.js';

export const JOB_STATES = ['PENDING', 'RUNNING', 'STOPPED', 'SUCCEEDED', 'FAILED'] as const;
type JobState = (typeof JOB_STATES)[number];

export interface JobStatus {
  readonly state: JobState;
  /** Why it waits or failed, in Ray's words. */
  readonly message: string;
}

export interface JobRequest {
  readonly id: string;
  /** A shell command, run in the unpacked package. */
  readonly entrypoint: string;
  readonly packageUri: string;
  readonly environment: Readonly<Record<string, string>>;
  /** `pip` requirements to install first; what the cluster has is used where there are none. */
  readonly requirements: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** What the command itself takes; workers ask for their own. */
  readonly cpus: number;
}

export interface RayJobs {
  /** As it is written after `--on`. */
  readonly address: string;
  /** The cluster's version of Ray. @throws MoatError `ray-unreachable`, `not-ray`, `ray-version`, `ray-unauthorized` */
  version(): Promise<string>;
  /** Uploads a package unless the cluster has it; resolves to its URI. @throws MoatError `package-too-large`, `ray-disk-full` */
  upload(archive: Uint8Array): Promise<string>;
  /** @throws MoatError `ray-not-ready` while the cluster starts */
  submit(request: JobRequest): Promise<void>;
  /** Undefined where the cluster knows no such job: it was deleted, or the cluster was started anew. */
  status(id: string): Promise<JobStatus | undefined>;
  /** All that the job has printed so far. */
  logs(id: string): Promise<string>;
  /** Asks the job to end; it may take its time. */
  stop(id: string): Promise<void>;
  /** Forgets a job that has ended. */
  remove(id: string): Promise<void>;
}

export interface RayJobsOptions {
  readonly send: HttpSend;
  /** Of a cluster that asks for one: `Authorization: Bearer …`. */
  readonly token?: string | undefined;
}

/** Ray Train has had its present controller, which restarts groups of workers, since then. */
const LEAST_VERSION = [2, 43] as const;
/** Ray's own limit for what a job brings along (`DASHBOARD_CLIENT_MAX_SIZE`). */
const MOST_PACKAGE_BYTES = 100 << 20;
/** Ray gives up after 10 minutes otherwise, which 3 GB may take. */
const MOST_INSTALL_SECONDS = 3600;
const TIMEOUT_MS = 30_000;
const TRANSFER_TIMEOUT_MS = 300_000;

const versionSchema = z.object({ ray_version: z.string() });
const statusSchema = z.object({ status: z.enum(JOB_STATES), message: z.string().nullish() });
const logsSchema = z.object({ logs: z.string().nullable() });
const anything = z.unknown();

/** @param base the HTTP address of the cluster's dashboard */
export function createRayJobs(base: URL, { send, token }: RayJobsOptions): RayJobs {
  const written = `${base.protocol === 'https:' ? 'rays' : 'ray'}://${base.host}`;
  const call: Call = async (method, path, { body, timeoutMs = TIMEOUT_MS, type = 'application/json' } = {}) => {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': type }),
    };
    const request = { method, url: new URL(path, base), headers, timeoutMs, ...(body === undefined ? {} : { body }) };
    const answer = await send(request).catch((error: unknown) => {
      // what the parser of HTTP says of bytes that are not HTTP
      throw systemCode(error)?.startsWith('HPE_') === true ? notRay(written, 'HTTP') : unreachable(written, error);
    });
    if (answer.status === 401 || answer.status === 403) throw unauthorized(written, token);
    return answer;
  };
  const job = (id: string): string => `/api/jobs/${encodeURIComponent(id)}`;
  const ask = async <T>(schema: z.ZodType<T>, ...request: Parameters<Call>): Promise<T> =>
    parse(written, schema, accepted(written, await call(...request)));
  return {
    address: written,
    async version() {
      const { ray_version } = parse(written, versionSchema, await call('GET', '/api/version'));
      checkVersion(written, ray_version);
      return ray_version;
    },
    upload: (archive) => upload(written, call, archive),
    async submit(request) {
      await ask(anything, 'POST', '/api/jobs/', { body: jsonBody(submission(request)) });
    },
    async status(id) {
      const answer = await call('GET', job(id));
      if (answer.status === 404) return undefined;
      const { status, message } = parse(written, statusSchema, accepted(written, answer));
      return { state: status, message: message ?? '' };
    },
    async logs(id) {
      return (await ask(logsSchema, 'GET', `${job(id)}/logs`, { timeoutMs: TRANSFER_TIMEOUT_MS })).logs ?? '';
    },
    async stop(id) {
      await ask(anything, 'POST', `${job(id)}/stop`);
    },
    async remove(id) {
      await ask(anything, 'DELETE', job(id));
    },
  };
}

type Call = (
  method: HttpRequest['method'],
  path: string,
  options?: { readonly body?: Uint8Array; readonly timeoutMs?: number; readonly type?: string },
) => Promise<HttpAnswer>;

const jsonBody = (value: object): Uint8Array => Buffer.from(JSON.stringify(value));

function submission({ id, entrypoint, packageUri, environment, requirements, metadata, cpus }: JobRequest): object {
  return {
    submission_id: id,
    entrypoint,
    entrypoint_num_cpus: cpus,
    metadata,
    runtime_env: {
      working_dir: packageUri,
      env_vars: environment,
      ...(requirements.length === 0
        ? {}
        : { pip: requirements, config: { setup_timeout_seconds: MOST_INSTALL_SECONDS } }),
    },
  };
}

async function upload(address: string, call: Call, archive: Uint8Array): Promise<string> {
  if (archive.byteLength >= MOST_PACKAGE_BYTES) {
    throw new MoatError(
      'package-too-large',
      `what travels with the job takes ${formatBytes(archive.byteLength)}; ${address} takes ${formatBytes(MOST_PACKAGE_BYTES)}`,
      { fix: 'Give --storage a folder that the cluster sees too.' },
    );
  }
  // the name Ray's own client gives to packages: by content, so that nothing is sent twice
  const name = `_ray_pkg_${createHash('sha256').update(archive).digest('hex').slice(0, 16)}.zip`;
  const path = `/api/packages/gcs/${name}`;
  const known = await call('GET', path);
  if (known.status === 404) {
    const options = { body: archive, timeoutMs: TRANSFER_TIMEOUT_MS, type: 'application/octet-stream' };
    accepted(address, await call('PUT', path, options));
  } else {
    accepted(address, known);
  }
  return `gcs://${name}`;
}

function unreachable(address: string, error: unknown): MoatError {
  const code = systemCode(error);
  const why = code === undefined ? messageOf(error) : (CONNECTION_REASONS[code] ?? `${code}: ${messageOf(error)}`);
  return new MoatError('ray-unreachable', `${address}: no Ray cluster can be reached here: ${why}`, {
    fix: 'Check the address, and that the cluster runs and its dashboard listens there (ray start --head --dashboard-host …).',
    cause: error,
  });
}

function unauthorized(address: string, token: string | undefined): MoatError {
  const what = token === undefined ? 'this cluster asks for a token' : 'the token is not valid, or no longer';
  return new MoatError('ray-unauthorized', `${address}: ${what}`, {
    fix: 'Put a valid one into RAY_AUTH_TOKEN.',
  });
}

/** @throws MoatError `ray-disk-full`, `ray-not-ready`, `ray-refused` */
function accepted(address: string, answer: HttpAnswer): HttpAnswer {
  if (answer.status >= 200 && answer.status < 300) return answer;
  const text = answer.body.toString('utf8');
  if (/no space left on device|errno 28|ENOSPC/i.test(text)) {
    throw new MoatError('ray-disk-full', `${address}: the cluster's disk is full`, {
      fix: 'Free some space on its head node, and submit again.',
    });
  }
  if (text.includes('No available agent')) {
    throw new MoatError('ray-not-ready', `${address}: the cluster has only just started, and takes no jobs yet`, {
      fix: 'Try again in a minute.',
    });
  }
  // of a Python traceback, the last line says what it was
  const lines = text.trim().split('\n');
  const why = (lines.at(-1) ?? '').slice(0, 300);
  throw new MoatError('ray-refused', `${address}: status ${answer.status}${why === '' ? '' : `: ${why}`}`, {
    fix: "The cluster's dashboard log says more.",
  });
}

function parse<T>(address: string, schema: z.ZodType<T>, { status, body }: HttpAnswer): T {
  try {
    const text = body.toString('utf8');
    return schema.parse(text === '' ? undefined : JSON.parse(text));
  } catch (error) {
    throw notRay(address, `Ray's dashboard (status ${status})`, error);
  }
}

function notRay(address: string, expected: string, cause?: unknown): MoatError {
  return new MoatError('not-ray', `${address}: a server answers, but not as ${expected} would`, {
    fix: 'Give the port of its dashboard, 8265 as a rule; 10001 and 6379 are for other clients.',
    cause,
  });
}

function checkVersion(address: string, version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = LEAST_VERSION;
  if (major === leastMajor && minor >= leastMinor) return;
  throw new MoatError('ray-version', `${address}: the cluster runs Ray ${version}`, {
    fix: `Moat works with Ray ${leastMajor}.${leastMinor} and later versions of ${leastMajor}.`,
  });
}
