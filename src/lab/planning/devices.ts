/**
 * Machines that a model could be trained on. Peaks are those of dense bfloat16 products as the makers state them; how much
 * of it a run gets is assumed, and prices move: each figure says where it is from and when. A project's `devices.yaml`
 * changes and adds rows.
 */
export interface Device {
  readonly name: string;
  /** Operations a second at most; bfloat16 on GPUs, float32 on CPUs, which is what each is used with. */
  readonly peakFlops: number;
  /** Share of the peak that training gets (model FLOPs utilization). */
  readonly utilization: number;
  readonly memoryBytes: number;
  /** For an hour, as a decimal; null where nobody has said one. */
  readonly hourlyPrice: string | null;
  readonly source: string;
}

/** What built-in prices are in. */
export const DEVICE_CURRENCY = 'USD';

/** Bytes a parameter while it is trained: float32 weight, gradient and two moments of Adam (Rajbhandari et al. 2020). */
export const TRAINING_BYTES = 16;
/** The rest of the memory is for activations. */
export const MEMORY_SHARE = 0.6;

const GPU_SHARE = 0.35;
const CPU_SHARE = 0.4;
const RENT = 'rent: Runpod docs, serverless pricing, active worker, read 2026-11-30';
const PEAK = "peak: maker's data sheet, as nanochat's table has it, 2026";

/** 0.35 on GPUs (nanochat logs 0.40 to 0.46 on 8 × H100 at 0.5 B and up; small models get less); 0.4 on CPUs (measured, docs/LOG.md). */
const gpu = (name: string, tera: number, gigabytes: number, hourlyPrice: string | null): Device => ({
  name,
  peakFlops: tera * 1e12,
  utilization: GPU_SHARE,
  memoryBytes: gigabytes * 1e9,
  hourlyPrice,
  source: hourlyPrice === null ? PEAK : `${PEAK}; ${RENT}`,
});

export const DEVICES: readonly Device[] = [
  {
    name: 'c7a.4xlarge',
    peakFlops: 1.9e12,
    utilization: CPU_SHARE,
    memoryBytes: 32e9,
    hourlyPrice: '0.8208',
    source: 'peak: 16 Zen 4 cores × 3.7 GHz × 32 operations; rent: 0.0513 a core-hour, EC2 on demand, reported 2026-08',
  },
  gpu('RTX 3090', 71, 24, '0.468'),
  gpu('RTX 4090', 165.2, 24, '0.756'),
  gpu('L4', 121, 24, '0.468'),
  gpu('L40S', 362, 48, '1.332'),
  gpu('A100 80 GB', 312, 80, '2.16'),
  gpu('H100 SXM', 989, 80, '3.348'),
  gpu('H200', 989, 141, '4.464'),
  gpu('B200', 2250, 180, '6.84'),
  gpu('MI300X', 1307.4, 192, null),
];

/** What a run gets of a device. */
export const sustainedFlops = ({ peakFlops, utilization }: Device): number => peakFlops * utilization;

/** Whether the weights and what training keeps beside them leave room for activations. */
export const fitsMemory = ({ memoryBytes }: Device, parameters: number): boolean =>
  parameters * TRAINING_BYTES <= memoryBytes * MEMORY_SHARE;
