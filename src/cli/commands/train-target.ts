/** `--on`: where a run is trained. */
import { MoatError } from '../../base/errors.js';
import type { OptionTable, OptionValues } from '../command.js';

export type TrainTarget =
  | { readonly kind: 'here' }
  /** PyTorch on this machine, by its own launcher. */
  | { readonly kind: 'torchrun' }
  /** A Ray cluster, by the HTTP address of its Jobs API: `http://HOST:8265`. */
  | { readonly kind: 'ray'; readonly address: URL };

/** The options that choose a place, for every command that trains. */
export const targetOptions = {
  on: {
    kind: 'text',
    placeholder: 'PLACE',
    description: 'train on PyTorch instead: torchrun (this machine) or ray://HOST:8265 (a Ray cluster)',
  },
  workers: {
    kind: 'integer',
    placeholder: 'N',
    minimum: 1,
    maximum: 4096,
    description: 'with --on: processes that share each batch (default: one a GPU, else 1)',
  },
  workerCpus: {
    kind: 'integer',
    placeholder: 'N',
    minimum: 1,
    maximum: 4096,
    description: 'on a cluster: processors that each worker takes (default: 1)',
  },
  storage: {
    kind: 'text',
    placeholder: 'PLACE',
    description:
      'on a cluster: where the run lies meanwhile, a folder that both sides see, or s3://BUCKET/FOLDER with keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (default: runs/)',
  },
  detach: { kind: 'flag', description: 'on a cluster: leave once it trains; --resume follows it again' },
  install: { kind: 'flag', description: "on a cluster: let Ray install the worker's packages for this job" },
} as const satisfies OptionTable;

/** Ray's dashboard, which takes jobs, listens here unless told otherwise. */
const RAY_PORT = '8265';

/** @throws MoatError `bad-target` */
export function trainTarget(on: string | undefined): TrainTarget {
  if (on === undefined || on === 'here') return { kind: 'here' };
  if (on === 'torchrun') return { kind: 'torchrun' };
  const match = /^(ray|rays):\/\/([^/?#@\s]+)\/?$/.exec(on);
  const text = `${match?.[1] === 'rays' ? 'https' : 'http'}://${match?.[2] ?? ''}`;
  if (match === null || !URL.canParse(text)) {
    throw new MoatError('bad-target', `--on: "${on}" is no place to train`, {
      fix: 'Give torchrun, or ray://HOST:8265 (rays:// where the cluster speaks TLS).',
    });
  }
  const address = new URL(text);
  if (address.port === '' && match[1] === 'ray') address.port = RAY_PORT;
  return { kind: 'ray', address };
}

/** What is said about a cluster, with what is taken where nothing is said. */
export function clusterOptions({ workers, workerCpus, storage, detach, install }: OptionValues<typeof targetOptions>) {
  return { workers: workers ?? 1, workerCpus, storage, detach, install };
}
