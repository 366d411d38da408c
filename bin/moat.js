#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(main)) {
  process.stderr.write('moat is not built yet. In a checkout run: npm run build\n');
  process.exit(1);
}
await import(main.href);
