/** The gateways ours is measured against, and the upstream behind all of them. Nothing of it leaves the loopback address. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ServerProgram, startServerProgram } from './server-program.js';

const folder = fileURLToPath(new URL('./peers/', import.meta.url));
const portkeyProgram = `${folder}node_modules/@portkey-ai/gateway/build/start-server.js`;
const litellmProgram = `${folder}.venv-gateways/bin/litellm`;

export interface PeerGateway {
  readonly name: string;
  readonly port: number;
  /** What its requests need. */
  readonly headers: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** @param tokensPerSecond of its streams; undefined: all at once */
export function startUpstream(tokensPerSecond: number | undefined): Promise<ServerProgram> {
  return startServerProgram({
    command: process.execPath,
    args: (port) => [`${folder}mock-upstream.mjs`, String(port), String(tokensPerSecond ?? Infinity)],
    readyPath: '/',
  });
}

/** Portkey's gateway as npm has it: no keys, no metering. Undefined (with a line why) where it is not installed. */
export async function startPortkey(upstream: ServerProgram): Promise<PeerGateway | undefined> {
  if (!existsSync(portkeyProgram)) return absent('Portkey');
  const server = await startServerProgram({
    command: process.execPath,
    args: (port) => [portkeyProgram, `--port=${port}`, '--headless'],
    environment: { NODE_ENV: 'production' },
    readyPath: '/',
  });
  return {
    name: 'Portkey gateway (no keys, no metering)',
    port: server.port,
    headers: {
      authorization: 'Bearer none',
      'x-portkey-provider': 'openai',
      'x-portkey-custom-host': `http://127.0.0.1:${upstream.port}/v1`,
    },
    close: async () => server.close(),
  };
}

/** LiteLLM's proxy as PyPI has it: one key in its settings, no database. Undefined (with a line why) where it is not installed. */
export async function startLitellm(upstream: ServerProgram): Promise<PeerGateway | undefined> {
  if (!existsSync(litellmProgram)) return absent('LiteLLM');
  const key = `sk-${randomBytes(24).toString('hex')}`;
  const directory = await mkdtemp(path.join(tmpdir(), 'moat-litellm-'));
  const settings = path.join(directory, 'config.yaml');
  const model = { model: 'openai/mock', api_base: `http://127.0.0.1:${upstream.port}/v1`, api_key: 'none' };
  // JSON is YAML
  await writeFile(settings, JSON.stringify({ model_list: [{ model_name: 'mock', litellm_params: model }] }));
  const server = await startServerProgram({
    command: litellmProgram,
    args: (port) => ['--config', settings, '--host', '127.0.0.1', '--port', String(port), '--telemetry', 'False'],
    // https://docs.litellm.ai/docs/proxy/outbound_requests: nothing is fetched from the internet
    environment: { LITELLM_MASTER_KEY: key, LITELLM_OFFLINE_MODE: 'true', LITELLM_LOG: 'ERROR' },
    readyPath: '/health/liveliness',
  });
  return {
    name: 'LiteLLM proxy (one key, no database)',
    port: server.port,
    headers: { authorization: `Bearer ${key}` },
    async close() {
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function absent(name: string): undefined {
  console.error(`${name}: not installed, so no ratio; run bench/peers/setup-gateways.sh once`);
}
