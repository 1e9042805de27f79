// MiniStack: AWS on this machine, from PyPI (MIT licence). `node scripts/ministack.ts` starts one to play with.

import { join } from 'node:path';
import { type Emulator, installed, run, startEmulator } from './emulator.ts';

/** It moves fast, so each version is tried before it is taken. */
const version = '1.5.33';

/** A fresh one, with nothing in it. `env` is for those that run on handed-in time. */
export async function startMiniStack(env: Record<string, string> = {}): Promise<Emulator> {
  const folder = await installed(`ministack-${version}-venv`, async (unfinished) => {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin', 'python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
      `ministack==${version}`,
    ]);
  });
  return startEmulator({
    name: `MiniStack ${version}`,
    // Not its script, which names the folder that it was installed in.
    command: join(folder, 'bin', 'python'),
    args: () => ['-m', 'ministack'],
    // By itself it would listen to the whole network.
    env: (port) => ({ ...env, BIND_HOST: '127.0.0.1', GATEWAY_PORT: String(port), LOG_LEVEL: 'WARNING' }),
    readyPath: '/_ministack/health',
  });
}

if (import.meta.main) {
  const { endpoint, stop } = await startMiniStack();
  console.log(`AWS_ENDPOINT_URL=${endpoint}`);
  process.once('SIGINT', () => void stop());
  process.once('SIGTERM', () => void stop());
}
