import { readFileSync } from 'node:fs';

export interface Memory {
  /** Resident bytes. */
  readonly rss: number;
  /** The most that they ever were. */
  readonly peak: number;
}

/** Of a process, as the kernel counts it. */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? NaN) * 1024;
  return { rss: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** Runnable processes over the last minute, as `uptime` says. */
export const load = (): number => Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
