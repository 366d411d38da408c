// Builds everything `bin/moat.js` needs into dist/: TypeScript to JavaScript file by file (so worker threads have
// real entry files), the AssemblyScript kernels to kernels.wasm, and the studio to dist/studio. Nothing here needs
// the network. `--quiet` prints only failures, `--clean` starts from nothing; a part whose sources are those of the last
// time is skipped.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const quiet = process.argv.includes('--quiet');

/** @param {string} directory @returns {string[]} every file below it */
function walk(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(directory, entry.name);
    return entry.isDirectory() ? walk(full) : [full];
  });
}

const newest = (files) => files.reduce((latest, file) => Math.max(latest, statSync(file).mtimeMs), 0);

/** Runs `make` unless its stamp says that the same sources were built before. */
async function step(name, sources, make) {
  const stamp = path.join(root, 'dist', `.${name}.stamp`);
  const inputs = [...sources, path.join(root, 'scripts/build.mjs'), path.join(root, 'package.json')];
  const state = `${inputs.length} files, newest ${newest(inputs)}`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  const started = performance.now();
  await make();
  writeFileSync(stamp, state);
  if (!quiet) console.log(`built ${name} in ${Math.round(performance.now() - started)} ms`);
}

async function buildServer(sources) {
  const { build } = await import('esbuild');
  await build({
    entryPoints: sources,
    outdir: path.join(root, 'dist'),
    outbase: path.join(root, 'src'),
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
}

function buildKernels(sources) {
  const entry = sources.find((file) => file.endsWith('index.as.ts'));
  if (entry === undefined) return;
  const asc = path.join(root, 'node_modules/assemblyscript/bin/asc.js');
  const flags = ['-O3', '--noAssert', '--enable', 'simd', '--importMemory', '--runtime', 'stub'];
  execFileSync(process.execPath, [asc, entry, ...flags, '-o', path.join(root, 'dist/kernels.wasm')], {
    stdio: 'inherit',
  });
}

async function buildStudio() {
  const config = path.join(root, 'src/studio/vite.config.ts');
  if (!existsSync(config)) return;
  const { build } = await import('vite');
  await build({ configFile: config, logLevel: quiet ? 'error' : 'warn' });
}

const all = walk(path.join(root, 'src'));
const studio = all.filter((file) => file.includes(`${path.sep}studio${path.sep}`));
const kernels = all.filter((file) => file.endsWith('.as.ts'));
const server = all.filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !kernels.includes(file) && !studio.includes(file),
);
if (process.argv.includes('--clean')) rmSync(path.join(root, 'dist'), { recursive: true, force: true });
mkdirSync(path.join(root, 'dist'), { recursive: true });
await step('server', server, () => buildServer(server));
await step('kernels', kernels, () => buildKernels(kernels));
await step('studio', [...studio, ...all.filter((f) => f.endsWith('api-types.ts'))], buildStudio);
