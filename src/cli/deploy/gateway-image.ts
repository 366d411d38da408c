/** The image of a gateway: Node, Moat and the project's own files. No secret, no model and no data are in it. */
import type { Project } from '../config/project.js';
import { readPackageFacts } from '../package-facts.js';
import type { DeployFile } from './deploy-file.js';

export const GATEWAY_PORT = 6628;
/** Seconds: for the proxy to see that a gateway leaves, then for its answers to end. */
export const DRAIN_NOTICE = 10;
export const DRAIN_GRACE = 300;
/** Until it is killed: both, and some to settle. */
export const STOP_SECONDS = DRAIN_NOTICE + DRAIN_GRACE + 20;

/** What `moat` is told in a container. */
export const GATEWAY_COMMAND = [
  'serve',
  '--elsewhere',
  '--host',
  '0.0.0.0',
  '--port',
  String(GATEWAY_PORT),
  '--log',
  'stdout',
  '--trust-proxy',
  'true',
  '--drain-notice',
  String(DRAIN_NOTICE),
  '--drain-grace',
  String(DRAIN_GRACE),
];

/** @param others files beside the configuration that the project needs, by their first folder or name */
export function imageFiles({ configFile, config }: Project, others: readonly string[]): DeployFile[] {
  const { version } = readPackageFacts();
  // the extension decides how it is read
  const own = configFile === undefined ? 'moat.config.ts' : (configFile.split(/[\\/]/).at(-1) ?? 'moat.config.ts');
  const settings = `import { defineConfig } from 'moatlm';\n\nexport default defineConfig({ schemaVersion: 1, name: ${JSON.stringify(config.name)} });\n`;
  return [
    { name: own, content: configFile === undefined ? settings : { copyOf: configFile } },
    { name: 'Dockerfile', content: dockerfile(version, [own, ...others]) },
    {
      name: '.dockerignore',
      content: `*\n!*.tgz\n!Dockerfile\n${[own, ...others].map((name) => `!${name}\n`).join('')}`,
    },
  ];
}

const dockerfile = (version: string, files: readonly string[]): string => `# syntax=docker/dockerfile:1
# From a checkout: npm pack there, and put moatlm-${version}.tgz beside this file. Without one the package comes from the registry.
FROM node:22-bookworm-slim AS install
ARG PACKAGE=moatlm@${version}
WORKDIR /app
COPY Dockerfile *.tgz /packages/
# a database of its own is not needed: every gateway uses the same server
RUN npm install --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund "$(ls /packages/*.tgz 2>/dev/null || echo "$PACKAGE")"

FROM node:22-bookworm-slim
ENV NODE_ENV=production
COPY --from=install /app /app
WORKDIR /project
${files.map((name) => `COPY ${name} ./${name}`).join('\n')}
# what must outlive the container is here: settlements that a lost database has not taken yet
RUN mkdir .moat && chown node:node . .moat
VOLUME /project/.moat
USER node
EXPOSE ${GATEWAY_PORT}
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["node", "-e", "fetch('http://127.0.0.1:${GATEWAY_PORT}/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/node_modules/moatlm/bin/moat.js"]
CMD ${JSON.stringify(GATEWAY_COMMAND)}
`;
