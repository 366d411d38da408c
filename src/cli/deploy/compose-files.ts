/** Several gateways behind a proxy, one PostgreSQL, one engine: as Docker Compose starts them on one machine. */
import type { Project } from '../config/project.js';
import { type DeployFile, yamlFile } from './deploy-file.js';
import { GATEWAY_PORT, STOP_SECONDS, imageFiles } from './gateway-image.js';
import { type ServedModel, modelFiles, tokenizerFiles } from './served-model.js';
import { VLLM_KEY, upstreamsFile, vllmArguments } from './vllm-files.js';

export interface ComposeSettings {
  readonly gateways: number;
  readonly gpus: number;
  /** Of the public; undefined answers every name over HTTP. */
  readonly domain: string | undefined;
  readonly postgresImage: string;
  readonly engineImage: string;
}

/** What the owner sets, in `.env` or the environment; by the files they become in a container. */
const SECRETS = {
  database_password: 'MOAT_DATABASE_PASSWORD',
  studio_token: 'MOAT_STUDIO_TOKEN',
  engine_key: VLLM_KEY,
} as const;
const secretFile = (name: keyof typeof SECRETS): string => `/run/secrets/${name}`;

export function composeFiles(project: Project, model: ServedModel, settings: ComposeSettings): DeployFile[] {
  const names = Array.from({ length: settings.gateways }, (_, at) => `gateway-${at + 1}`);
  return [
    yamlFile('compose.yaml', [composeOf(model, names, settings)], HEADING),
    { name: 'Caddyfile', content: caddyfile(names, settings.domain) },
    { name: '.env.example', content: environmentExample() },
    ...imageFiles(project, ['upstreams.json', 'tokenizer']),
    upstreamsFile(model, 'tokenizer', {
      engine: 'vllm',
      url: 'http://engine:8000',
      allowPrivate: true,
      apiKeyEnvironment: VLLM_KEY,
    }),
    ...tokenizerFiles(model),
    ...modelFiles(model),
    { name: 'README.md', content: readme(model.name) },
  ];
}

const HEADING = `# Written by moat deploy compose. Secrets come from the environment (.env.example lists them); none is in this file.\n`;

function composeOf(model: ServedModel, names: readonly string[], settings: ComposeSettings): object {
  return {
    name: 'moat',
    services: {
      proxy: proxyService(names, settings.domain),
      ...Object.fromEntries(names.map((name, at) => [name, gatewayService(name, at === 0)])),
      postgres: postgresService(settings.postgresImage),
      engine: engineService(model, settings),
    },
    volumes: {
      ...Object.fromEntries(names.map((name) => [`${name}-state`, {}])),
      'postgres-data': {},
      'proxy-data': {},
    },
    networks: { front: {}, back: { internal: true } },
    secrets: Object.fromEntries(Object.entries(SECRETS).map(([name, environment]) => [name, { environment }])),
  };
}

/** Less than everything: nothing here needs more. */
const HARDENED = { cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] };

const proxyService = (gateways: readonly string[], domain: string | undefined): object => ({
  image: 'caddy:2-alpine',
  restart: 'unless-stopped',
  ports: domain === undefined ? ['80:80'] : ['80:80', '443:443'],
  volumes: ['./Caddyfile:/etc/caddy/Caddyfile:ro', 'proxy-data:/data'],
  networks: ['front', 'back'],
  depends_on: Object.fromEntries(gateways.map((name) => [name, { condition: 'service_healthy' }])),
  ...HARDENED,
  cap_add: ['NET_BIND_SERVICE'],
});

/** @param isFirst builds the image; the others wait for it and take the same */
const gatewayService = (name: string, isFirst: boolean): object => ({
  image: 'moat-gateway:local',
  ...(isFirst ? { build: '.' } : { pull_policy: 'never' }),
  restart: 'unless-stopped',
  init: true,
  stop_grace_period: `${STOP_SECONDS}s`,
  environment: {
    DATABASE_URL: 'postgres://moat@postgres:5432/moat',
    PGPASSWORD_FILE: secretFile('database_password'),
    MOAT_STUDIO_TOKEN_FILE: secretFile('studio_token'),
    [`${VLLM_KEY}_FILE`]: secretFile('engine_key'),
  },
  secrets: Object.keys(SECRETS),
  volumes: [`${name}-state:/project/.moat`],
  networks: ['back'],
  depends_on: { postgres: { condition: 'service_healthy' } },
  healthcheck: {
    test: [
      'CMD',
      'node',
      '-e',
      `fetch('http://127.0.0.1:${GATEWAY_PORT}/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))`,
    ],
    interval: '5s',
    timeout: '3s',
    retries: 3,
    start_period: '60s',
  },
  // not read-only: Compose writes secrets of the environment into the container when it is made
  ...HARDENED,
});

const postgresService = (image: string): object => ({
  image,
  restart: 'unless-stopped',
  stop_grace_period: '60s',
  environment: {
    POSTGRES_USER: 'moat',
    POSTGRES_DB: 'moat',
    POSTGRES_PASSWORD_FILE: secretFile('database_password'),
  },
  secrets: ['database_password'],
  // from version 18 on the data lies one folder deeper, and this is what outlives
  volumes: ['postgres-data:/var/lib/postgresql'],
  networks: ['back'],
  healthcheck: {
    test: ['CMD', 'pg_isready', '-U', 'moat', '-d', 'moat'],
    interval: '5s',
    timeout: '3s',
    retries: 12,
    start_period: '30s',
  },
});

const engineService = (model: ServedModel, { engineImage, gpus }: ComposeSettings): object => ({
  image: engineImage,
  restart: 'unless-stopped',
  // vLLM knows no file for its key
  entrypoint: [
    '/bin/sh',
    '-c',
    `export ${VLLM_KEY}="$$(cat ${secretFile('engine_key')})"; exec vllm serve "$$@"`,
    'vllm',
  ],
  command: vllmArguments(model, { folder: '/model', host: '0.0.0.0', gpus }),
  environment: { HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1' },
  secrets: ['engine_key'],
  volumes: ['./model:/model:ro'],
  networks: ['back'],
  shm_size: '8gb',
  healthcheck: {
    test: ['CMD', 'curl', '--fail', '--silent', '--output', '/dev/null', 'http://127.0.0.1:8000/health'],
    interval: '10s',
    timeout: '5s',
    retries: 3,
    start_period: '600s',
  },
  deploy: {
    resources: { reservations: { devices: [{ driver: 'nvidia', count: gpus, capabilities: ['gpu'] }] } },
  },
});

/** A gateway that leaves says no at /readyz first; until the proxy has seen it, it still answers. */
const caddyfile = (
  gateways: readonly string[],
  domain: string | undefined,
): string => `# Written by moat deploy compose.
${domain ?? ':80'} {
	reverse_proxy ${gateways.map((name) => `${name}:${GATEWAY_PORT}`).join(' ')} {
		lb_policy least_conn
		lb_try_duration 5s
		health_uri /readyz
		health_interval 2s
		health_timeout 2s
		# every token goes on as it comes
		flush_interval -1
		transport http {
			dial_timeout 2s
			response_header_timeout 10m
		}
	}
}
`;

const environmentExample =
  (): string => `# Copy to .env and fill in; keep .env out of version control. Each: openssl rand -hex 32
${Object.values(SECRETS)
  .map((name) => `${name}=\n`)
  .join('')}`;

const readme = (name: string): string => `# ${name}, with Docker Compose

    cp .env.example .env && edit .env
    docker compose config --quiet         # the file is right
    docker compose up --detach --build --wait
    docker compose exec gateway-1 node /app/node_modules/moatlm/bin/moat.js upstreams check
    docker compose exec gateway-1 node /app/node_modules/moatlm/bin/moat.js keys create "Acme" --credit 25.00

The database is made at the first start; every gateway brings its tables up to date, one at a time. A new version, one gateway
after the other and without a lost request:

    docker compose build gateway-1
    for g in $(docker compose config --services | grep gateway-); do docker compose up --detach --no-deps --wait "$g"; done

Prices are published once: \`moat prices book.json --publish\` in any gateway. Back up the volume postgres-data; the volumes
gateway-N-state hold what a lost database has not taken yet, and are not to be deleted while it is away.
`;
