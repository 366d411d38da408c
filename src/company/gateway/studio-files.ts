import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Nothing from elsewhere, no inline scripts, no frames: the page that shows money runs only what was built. */
const SECURITY = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'; img-src 'self' data:",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

const MAX_FILES = 500;

/** Answers a path of the studio. */
export type StudioFiles = (urlPath: string) => Promise<Response>;

/**
 * The built studio, read into memory at the first request: what is served is a name in a table, so no path can lead
 * out of the folder. Unknown paths without an extension get the index, so that the studio's own addresses can be reloaded.
 */
export function createStudioFiles(directory: string): StudioFiles {
  let loading: Promise<ReadonlyMap<string, Buffer>> | undefined;
  return async (urlPath) => {
    const files = await (loading ??= load(directory));
    const exact = urlPath === '/' ? '/index.html' : urlPath;
    const name = files.has(exact) || path.extname(exact) !== '' ? exact : '/index.html';
    const content = files.get(name);
    if (content === undefined) {
      loading = files.size === 0 ? undefined : loading;
      return files.size === 0 ? notBuilt() : new Response('Not found\n', { status: 404, headers: SECURITY });
    }
    const immutable = name.startsWith('/assets/');
    const headers = {
      ...SECURITY,
      'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream',
      'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
    };
    return new Response(new Uint8Array(content), { headers });
  };
}

async function load(directory: string): Promise<ReadonlyMap<string, Buffer>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map<string, Buffer>();
  for (const entry of entries.slice(0, MAX_FILES)) {
    if (!entry.isFile()) continue;
    const full = path.join(entry.parentPath, entry.name);
    files.set(`/${path.relative(directory, full).split(path.sep).join('/')}`, await readFile(full));
  }
  return files;
}

function notBuilt(): Response {
  const text = 'The API runs at /v1. The studio was not built: run "npm run build" and reload this page.\n';
  return new Response(text, { status: 503, headers: { ...SECURITY, 'content-type': 'text/plain; charset=utf-8' } });
}
