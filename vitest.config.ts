import { configDefaults, defineConfig } from 'vitest/config';

/** Whole browsers, whole servers of another kind, long storms, trainings of several seconds: `npm run test:slow`, and so that `npm test` stays short. */
const SLOW = [
  'tests/studio/studio.test.ts',
  'tests/studio/with-gateway.test.ts',
  'tests/studio/pages.test.ts',
  'tests/studio/lab-pages.test.ts',
  'tests/studio/business.test.ts',
  'tests/studio/training.test.ts',
  'tests/studio/journey.test.ts',
  'tests/studio/long-names.test.ts',
  'tests/conformance/**',
  'tests/faults/races.test.ts',
  'tests/fleet/**',
  'tests/clean-kill.test.ts',
  'tests/planning.test.ts',
  'src/company/billing/billing-storm.test.ts',
  'src/lab/planning/fit-law.test.ts',
  'src/lab/tasks/click-ranking/**',
  'src/lab/tasks/multi/**',
  'tests/examples/classifiers.test.ts',
];
/** Have a configuration of their own. */
const NEEDS_PYTHON = 'tests/distributed/**';
const isSlow = process.env['MOAT_SLOW_TESTS'] !== undefined;

export default defineConfig({
  test: {
    include: isSlow
      ? SLOW.map((place) => place.replace('**', '**/*.test.ts'))
      : ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    exclude: [...configDefaults.exclude, NEEDS_PYTHON, ...(isSlow ? [] : SLOW)],
    globalSetup: ['tests/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
