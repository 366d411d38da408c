/** `devices.yaml` in a project: what machines cost there, and which there are beside the built-in ones. */
import { parse } from 'yaml';
import { z } from 'zod';
import { MoatError, messageOf } from '../../base/errors.js';
import { DEVICES, DEVICE_CURRENCY, type Device } from '../../lab/planning/devices.js';
import type { Project } from '../config/project.js';
import { readTextFile } from '../stages/read-text-file.js';

const NAMES = ['devices.yaml', 'devices.yml', 'devices.json'] as const;
const MOST_BYTES = 1_000_000;

const fileSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** False leaves the built-in ones out. */
  builtIn: z.boolean().default(true),
  devices: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(60),
        peakTeraflops: z.number().positive().optional(),
        utilization: z.number().gt(0).max(1).optional(),
        memoryGigabytes: z.number().positive().optional(),
        /** In the project's currency. */
        hourlyPrice: z
          .string()
          .regex(/^\d{1,9}(\.\d{1,6})?$/, 'expected an amount as text, such as "2.50"')
          .optional(),
        source: z.string().max(300).optional(),
      }),
    )
    .max(200),
});

const DEFAULT_UTILIZATION = 0.35;

/**
 * The built-in table with what the project's file says; built-in prices only where the project counts in their currency.
 * @throws MoatError `bad-device-file`
 */
export async function readDevices(project: Project): Promise<Device[]> {
  const isOurs = project.config.currency === DEVICE_CURRENCY;
  const known = DEVICES.map((device) => (isOurs ? device : { ...device, hourlyPrice: null }));
  for (const name of NAMES) {
    const text = await readTextFile(project.resolve(name));
    if (text !== undefined) return merged(known, text, name);
  }
  return known;
}

/** @throws MoatError `bad-device-file` */
export function merged(known: readonly Device[], text: string, origin: string): Device[] {
  const file = parsed(text, origin);
  const devices = file.builtIn ? [...known] : [];
  for (const [index, given] of file.devices.entries()) {
    const at = devices.findIndex(({ name }) => name === given.name);
    const base = devices[at] ?? known.find(({ name }) => name === given.name);
    const peakFlops = given.peakTeraflops === undefined ? base?.peakFlops : given.peakTeraflops * 1e12;
    const memoryBytes = given.memoryGigabytes === undefined ? base?.memoryBytes : given.memoryGigabytes * 1e9;
    if (peakFlops === undefined || memoryBytes === undefined) {
      throw badFile(
        `${origin}: devices.${index}: "${given.name}" is not built in, so it needs peakTeraflops and memoryGigabytes`,
      );
    }
    const device: Device = {
      name: given.name,
      peakFlops,
      memoryBytes,
      utilization: given.utilization ?? base?.utilization ?? DEFAULT_UTILIZATION,
      hourlyPrice: given.hourlyPrice ?? base?.hourlyPrice ?? null,
      source: given.source ?? `${origin}${base === undefined ? '' : `; else ${base.source}`}`,
    };
    if (at < 0) devices.push(device);
    else devices[at] = device;
  }
  return devices;
}

function parsed(text: string, origin: string): z.output<typeof fileSchema> {
  if (text.length > MOST_BYTES) throw badFile(`${origin}: more than ${MOST_BYTES} bytes`);
  let json: unknown;
  try {
    json = parse(text, { maxAliasCount: 20, prettyErrors: true });
  } catch (error) {
    throw badFile(`${origin}: ${messageOf(error).split('\n')[0] ?? ''}`, error);
  }
  const read = fileSchema.safeParse(json);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw badFile(`${origin}: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not as expected'}`);
}

const badFile = (what: string, cause?: unknown): MoatError =>
  new MoatError('bad-device-file', what, { fix: 'docs/PLANNING.md shows one.', cause });
