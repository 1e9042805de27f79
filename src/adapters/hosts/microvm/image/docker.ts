// Docker's engine in the machine, started beside the claim, so that it is there before a job is. It is tried as on any
// other computer first; where the machine's kernel or disk does not let it be so, with what works everywhere.

import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import type { Places } from './places.ts';

/** Lambda lets no UDP out to others, and Docker's own choice are others. [Lambda: MicroVM networking] */
const resolver = '169.254.169.253';
const ways: readonly (readonly string[])[] = [
  ['--dns', resolver],
  // Whole copies of layers, and no network of their own for containers but the machine's.
  ['--dns', resolver, '--storage-driver=vfs', '--iptables=false'],
];
/** From its start to its first answer. */
const lookMs = 250;
const looksMax = 80;

export function startDocker(places: Places): void {
  const { dockerd } = places;
  if (dockerd === null || !existsSync(dockerd)) return;
  void tryWays(dockerd, places);
}

async function tryWays(dockerd: string, { dockerSocket, dockerLog }: Places): Promise<void> {
  for (const way of ways) {
    const log = openSync(dockerLog, 'a');
    const daemon = spawn(dockerd, way, { stdio: ['ignore', log, log], detached: true });
    let hasEnded = false;
    daemon.once('error', () => (hasEnded = true));
    daemon.once('exit', () => (hasEnded = true));
    for (let looks = 0; looks < looksMax && !hasEnded; looks += 1) {
      if (await answers(dockerSocket)) {
        daemon.unref();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
    daemon.kill('SIGKILL');
  }
  console.error(`Docker does not start: ${dockerLog} says why`);
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}
