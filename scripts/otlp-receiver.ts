// A receiver of traces that decodes them with OpenTelemetry's own schema, from PyPI (Apache licence).

import { join } from 'node:path';
import { type Emulator, installed, run, startEmulator } from './emulator.ts';

const version = '1.45.2';

export interface ReceivedSpan {
  resource: unknown;
  traceId: string;
  spanId: string;
  /** Empty for a root. */
  parentId: string;
  name: string;
  kind: number;
  startNs: string;
  endNs: string;
  /** 0 unset, 1 ok, 2 error. */
  status: number;
  message: string;
  attributes: Record<string, string | number | boolean>;
  links: { traceId: string; spanId: string }[];
}

export interface OtlpReceiver extends Emulator {
  spans(): Promise<ReceivedSpan[]>;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const folder = await installed(`opentelemetry-proto-${version}-venv`, async (unfinished) => {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin', 'python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
      `opentelemetry-proto==${version}`,
    ]);
  });
  const started = await startEmulator({
    name: 'the receiver of traces',
    command: join(folder, 'bin', 'python'),
    args: (port) => [join(import.meta.dirname, 'otlp-receiver.py'), String(port)],
    readyPath: '/ready',
  });
  return {
    ...started,
    spans: async () => (await (await fetch(`${started.endpoint}/spans`)).json()) as ReceivedSpan[],
  };
}
