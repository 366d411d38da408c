/** The processor's own energy meter (RAPL), where this user may read it: Linux, Intel and AMD. */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Joules since it was opened. */
export type EnergyMeter = () => number;

interface Zone {
  readonly file: string;
  /** Microjoules at which the counter begins again. */
  readonly range: number;
  last: number;
}

/**
 * Sums the packages; what is inside one (cores, memory) is part of it. A counter that began again is noticed as long as it is read
 * once a round, which takes minutes at full power.
 * @param directory Default: where Linux has them
 * @returns undefined where nothing can be read
 */
export function openEnergyMeter(directory = '/sys/class/powercap'): EnergyMeter | undefined {
  const zones = zonesIn(directory);
  if (zones.length === 0) return undefined;
  let microjoules = 0;
  return () => {
    for (const zone of zones) {
      const now = numberIn(zone.file);
      if (now === undefined) continue;
      microjoules += now >= zone.last ? now - zone.last : now + zone.range - zone.last;
      zone.last = now;
    }
    return microjoules / 1e6;
  };
}

function zonesIn(directory: string): Zone[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names
    .filter((name) => /^(intel|amd)-rapl:\d+$/.test(name))
    .flatMap((name) => {
      const file = path.join(directory, name, 'energy_uj');
      const [last, range] = [numberIn(file), numberIn(path.join(directory, name, 'max_energy_range_uj'))];
      return last === undefined || range === undefined ? [] : [{ file, range, last }];
    });
}

/** Since 2020 Linux lets only root read them, unless it is told otherwise. */
function numberIn(file: string): number | undefined {
  try {
    const value = Number(readFileSync(file, 'utf8'));
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
