import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromSystem, SystemTerms, ToSystem } from './system.ts';

const program = fileURLToPath(new URL('./system.ts', import.meta.url));

export interface SystemProcess {
  readonly url: string;
  /** From the start of its process until its port was open. */
  readonly startMs: number;
  readonly residentBytesAtStart: number;
  end(runners: readonly string[]): void;
  usage(): Promise<{ cpuMs: number; residentBytes: number }>;
  stop(): Promise<void>;
}

export async function startSystem(
  terms: SystemTerms,
  onUp: (runners: readonly string[]) => void = () => {},
): Promise<SystemProcess> {
  const child = fork(program, [JSON.stringify(terms)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.on('message', (told: FromSystem) => {
    if (told.kind === 'up') onUp(told.runners);
  });
  const ready = await message(child, 'ready');
  const send = (told: ToSystem) => child.send(told);
  return {
    url: ready.url,
    startMs: ready.sinceStartMs,
    residentBytesAtStart: ready.residentBytes,
    end: (runners) => send({ kind: 'end', runners }),
    usage() {
      const answer = message(child, 'usage');
      send({ kind: 'usage' });
      return answer;
    },
    stop() {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      send({ kind: 'stop' });
      return ended;
    },
  };
}

function message<Kind extends FromSystem['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Extract<FromSystem, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const hear = (told: FromSystem) => {
      if (told.kind !== kind) return;
      child.off('message', hear);
      resolve(told as Extract<FromSystem, { kind: Kind }>);
    };
    child.on('message', hear);
    child.once('exit', (code) => reject(new Error(`the system under load ended with ${code}`)));
  });
}
