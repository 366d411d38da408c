import os from 'node:os';
import { SYSTEM_DIRECTORY } from '../../company/store/embedded-server.js';
import { type Check, ok, optional, type Surroundings } from './check.js';

/** PostgreSQL refuses to run as root, so Moat runs it as a system user; good to know before looking for the files. */
export function checkUser(uid = process.getuid?.()): Check {
  if (uid !== 0) return ok('user', `${os.userInfo().username} (not root)`);
  return ok('user', `root, so the database runs as a system user; its files may be under ${SYSTEM_DIRECTORY}`);
}

export async function checkPython({ ask }: Pick<Surroundings, 'ask'>): Promise<Check> {
  const { exitCode, output } = await ask('python3', ['--version']);
  if (exitCode === 0) return ok('Python', output.trim().replace(/^Python /, ''));
  return optional(
    'Python',
    'not found',
    'Only for training on several machines and for comparisons: install Python 3.10 or newer.',
  );
}

const TORCH_FACTS = 'import torch; print(torch.__version__, "with CUDA" if torch.cuda.is_available() else "CPU only")';

export async function checkTorch({ ask }: Pick<Surroundings, 'ask'>): Promise<Check> {
  const { exitCode, output } = await ask('python3', ['-c', TORCH_FACTS]);
  if (exitCode === 0) return ok('PyTorch', output.trim());
  return optional(
    'PyTorch',
    'not found',
    'Only for training on several machines and for comparisons: pip install torch.',
  );
}

export async function checkGpu({ ask }: Pick<Surroundings, 'ask'>): Promise<Check> {
  const { exitCode, output } = await ask('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader']);
  if (exitCode === 0 && output.trim() !== '') return ok('GPU', output.trim().split('\n').join('; '));
  return optional('GPU', 'no NVIDIA GPU found', 'Moat trains and serves without one.');
}
