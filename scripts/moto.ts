// moto: AWS on this machine, from PyPI (Apache-2.0), for EC2 alone: MiniStack knows less of it. `node scripts/moto.ts`
// starts one to play with.

import { join } from 'node:path';
import { type Emulator, installed, run, startEmulator } from './emulator.ts';

/** Each version is tried before it is taken. */
const version = '5.2.5';

/** A fresh one, with nothing in it. */
export async function startMoto(): Promise<Emulator> {
  const folder = await installed(`moto-${version}-venv`, async (unfinished) => {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin', 'python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
      `moto[server,ec2]==${version}`,
    ]);
  });
  return startEmulator({
    name: `moto ${version}`,
    // Not its script, which names the folder that it was installed in.
    command: join(folder, 'bin', 'python'),
    args: (port) => ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
    readyPath: '/moto-api/',
  });
}

if (import.meta.main) {
  const { endpoint, stop } = await startMoto();
  console.log(`AWS_ENDPOINT_URL=${endpoint}`);
  process.once('SIGINT', () => void stop());
  process.once('SIGTERM', () => void stop());
}
