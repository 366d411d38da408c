import { MoatError } from '../../base/errors.js';

/** A name of a folder under `models/`. @throws MoatError `bad-run-name` */
export function checkedName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name)) return name;
  throw new MoatError('bad-run-name', `--name: "${name}" cannot be a model's name`, {
    fix: 'Use letters, digits, ".", "_" and "-", beginning with a letter or digit.',
  });
}
