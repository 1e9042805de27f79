// Prometheus' text format, read by the parser of Prometheus' own client for Python, from PyPI (Apache licence).

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { installed, run } from './emulator.ts';

const version = '0.26.0';

export interface MetricFamily {
  /** Of a counter without its `_total`. */
  name: string;
  type: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

/** Throws where the parser refuses it, and says what the parser says. */
export async function parsePrometheus(exposed: string): Promise<MetricFamily[]> {
  const folder = await installed(`prometheus-client-${version}-venv`, async (unfinished) => {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin', 'python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
      `prometheus-client==${version}`,
    ]);
  });
  const python = join(folder, 'bin', 'python');
  const child = spawn(python, [join(import.meta.dirname, 'prometheus-parser.py')]);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.end(exposed);
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`Prometheus' parser refuses it: ${err.trim()}`);
  return JSON.parse(out) as MetricFamily[];
}
