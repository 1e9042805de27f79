import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunnerName } from '../../../core/ids.ts';
import type { ContractNames, FixtureTime, HostFixture } from '../../../ports/host.contract.ts';
import type { HostEvent, LaunchRequest, ListedMachine } from '../../../ports/host.ts';
import { createLocalHost, type LocalHost } from './index.ts';
import { localHostOptions } from './options.ts';

export const time = 'system';

const dayMs = 86_400_000;
const patienceMs = 30_000;

/** Writes down its number, under its name, and then does nothing until it is ended. */
const livingCommand = ['sh', '-c', ': > "$LIVING/$RUNNER_NAME.$$"; exec sleep 86400'];

export async function makeFixture(names: ContractNames, { clock, pass }: FixtureTime): Promise<HostFixture> {
  const directory = mkdtempSync(join(tmpdir(), 'local-host-'));
  const living = join(directory, 'living');
  mkdirSync(living);
  const events: HostEvent[] = [];
  const hostFor = (deployment: ContractNames['deployment']): Promise<LocalHost> =>
    createLocalHost({
      deployment,
      host: names.host,
      options: localHostOptions.parse({}),
      dataDirectory: join(directory, 'data'),
      clock,
      onEvent: async (event) => {
        events.push(event);
      },
      onWarning: () => {},
    });
  let host = await hostFor(names.deployment);
  const stranger = await hostFor(names.stranger);

  const request = (name: RunnerName, attempt: number, deployment = names.deployment): LaunchRequest => ({
    name,
    attempt,
    deployment,
    pool: names.pool,
    labels: ['linux'],
    machine: { command: livingCommand, environment: { LIVING: living } },
    answerBefore: clock.now() + patienceMs,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    lifetimeMsMax: dayMs,
    configuration: { kind: 'handedOver', jitConfig: 'configuration' },
  });

  /** Name and number of every runner's process that lives. */
  const alive = () =>
    readdirSync(living)
      .map((file) => ({
        name: file.slice(0, file.lastIndexOf('.')),
        pid: Number(file.slice(file.lastIndexOf('.') + 1)),
      }))
      .filter(({ pid }) => isAlive(pid));

  return {
    host,
    request,
    refusedRequest: (name, attempt) => ({
      ...request(name, attempt),
      machine: { command: ['/nowhere/at-all'] },
    }),
    restart: async () => {
      host.close();
      host = await hostFor(names.deployment);
      return host;
    },
    alive: async () => alive().map(({ name }) => name),
    endByItself: async (name) => {
      for (const process of alive()) if (process.name === name) kill(process.pid);
    },
    addStranger: async (name) => {
      const answer = await stranger.launch(request(name, 1, names.stranger));
      if (answer.outcome === 'refused') throw new Error(answer.reason);
      return answer.machine;
    },
    events: () => events.filter((event) => event.name.startsWith(names.deployment)),
    pass,
    close: async () => {
      for (const each of [host, stranger]) {
        for (const { name } of await machinesOf(each))
          await each.terminate({ name: name as RunnerName, machine: null });
        while ((await machinesOf(each)).some((machine) => machine.alive)) await pass();
        each.close();
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function machinesOf(host: LocalHost): Promise<ListedMachine[]> {
  const list = await host.list();
  return list === 'unknown' ? [] : list;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  process.kill(pid, 'SIGKILL');
}
