/** Ray's dashboard as far as Moat asks it, on loopback: jobs do what a test says. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ScriptedJob {
  state: 'PENDING' | 'RUNNING' | 'STOPPED' | 'SUCCEEDED' | 'FAILED';
  message: string;
  logs: string;
  /** As it was submitted. */
  request: Record<string, unknown>;
}

export interface ScriptedAnswer {
  readonly status: number;
  readonly body: string;
}

export interface ScriptedRay {
  readonly address: string;
  readonly jobs: Map<string, ScriptedJob>;
  readonly packages: Map<string, Buffer>;
  /** Every request, as `METHOD /path`. */
  readonly requests: string[];
  /** Answers a request instead of the rules below, while it returns something; may be replaced at any time. */
  intercept: (request: { readonly method: string; readonly path: string }) => ScriptedAnswer | undefined;
  /** Called when a job was submitted, and when it was asked to stop. */
  onSubmit: (id: string, job: ScriptedJob) => void;
  onStop: (id: string, job: ScriptedJob) => void;
  /** Asked for as `Authorization: Bearer …`; undefined: nobody is asked. */
  token: string | undefined;
  close(): Promise<void>;
}

export async function startScriptedRay(version = '2.60.0'): Promise<ScriptedRay> {
  const jobs = new Map<string, ScriptedJob>();
  const packages = new Map<string, Buffer>();
  const requests: string[] = [];
  const answer = (method: string, path: string, body: Buffer): ScriptedAnswer => {
    if (path === '/api/version')
      return json({ version: '4', ray_version: version, ray_commit: 'c', session_name: 's' });
    const [, , kind = '', id = '', action = ''] = path.split('/');
    if (kind === 'packages') return answerPackage(packages, method, action, body);
    if (kind === 'jobs' && method === 'POST' && id === '') {
      const request = JSON.parse(body.toString()) as Record<string, unknown>;
      const name = String(request['submission_id']);
      if (jobs.has(name))
        return { status: 500, body: `Traceback …\nValueError: Job with submission_id ${name} already exists` };
      const job: ScriptedJob = { state: 'PENDING', message: 'Job has not started yet.', logs: '', request };
      jobs.set(name, job);
      ray.onSubmit(name, job);
      return json({ job_id: name, submission_id: name });
    }
    const job = jobs.get(id);
    if (job === undefined) return { status: 404, body: `Job ${id} does not exist` };
    return answerJob(ray, { id, job, method, action });
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const method = request.method ?? '';
      const path = request.url ?? '';
      requests.push(`${method} ${path}`);
      const given =
        ray.intercept({ method, path }) ??
        refusal(ray, request.headers, method) ??
        answer(method, path, Buffer.concat(parts));
      response.writeHead(given.status).end(given.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ray: ScriptedRay = {
    address: `ray://127.0.0.1:${port}`,
    jobs,
    packages,
    requests,
    intercept: () => undefined,
    onSubmit: () => {},
    onStop: (_id, job) => void (job.state = 'STOPPED'),
    token: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return ray;
}

const json = (value: object): ScriptedAnswer => ({ status: 200, body: JSON.stringify(value) });

/** As Ray does it: nothing without the token, and no POST or PUT that looks like a browser's. */
function refusal(
  ray: ScriptedRay,
  headers: NodeJS.Dict<string | string[]>,
  method: string,
): ScriptedAnswer | undefined {
  if (ray.token !== undefined && headers['authorization'] !== `Bearer ${ray.token}`) {
    return headers['authorization'] === undefined
      ? { status: 401, body: 'no token' }
      : { status: 403, body: 'bad token' };
  }
  const isBrowser = ['sec-fetch-mode', 'origin', 'referer'].some((name) => name in headers);
  return isBrowser && method !== 'GET' ? { status: 405, body: 'Method Not Allowed for browser traffic.' } : undefined;
}

function answerPackage(packages: Map<string, Buffer>, method: string, name: string, body: Buffer): ScriptedAnswer {
  if (method === 'PUT') packages.set(name, body);
  return packages.has(name) ? { status: 200, body: '' } : { status: 404, body: 'does not exist' };
}

function answerJob(
  ray: ScriptedRay,
  { id, job, method, action }: { id: string; job: ScriptedJob; method: string; action: string },
): ScriptedAnswer {
  if (action === 'logs') return json({ logs: job.logs });
  if (action === 'stop') {
    ray.onStop(id, job);
    return json({ stopped: true });
  }
  if (method === 'DELETE') {
    ray.jobs.delete(id);
    return json({ deleted: true });
  }
  return json({ type: 'SUBMISSION', submission_id: id, status: job.state, message: job.message });
}
