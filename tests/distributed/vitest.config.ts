import { defineConfig } from 'vitest/config';

/** What needs Python, PyTorch and Ray: `npm run test:distributed`. One after another: each takes all processors there are. */
export default defineConfig({
  test: {
    include: ['tests/distributed/**/*.test.ts'],
    globalSetup: ['tests/global-setup.ts', 'tests/distributed/python-environment.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
  },
});
