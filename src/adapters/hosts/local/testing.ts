import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeploymentPrefix, HostName, RunnerName } from '../../../core/ids.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { ContractNames, FixtureTime, HostFixture } from '../../../ports/host.contract.ts';
import type { HostEvent, LaunchRequest, ListedMachine } from '../../../ports/host.ts';
import { createLocalHost, type LocalHost } from './index.ts';
import { type LocalHostOptions, localHostOptions } from './options.ts';
import { createProcessTable } from './processes/index.ts';
import { firstClosedFolder } from './user.ts';

export const time = 'system';

const dayMs = 86_400_000;
const patienceMs = 30_000;

/** Writes down its number, under its name, and then does nothing until it is ended. */
const livingCommand = ['sh', '-c', ': > "$LIVING/$RUNNER_NAME.$$"; exec sleep 86400'];

/** A data directory of its own, and hosts on it, one after the other or for two deployments. */
export interface Ground {
  directory: string;
  dataDirectory: string;
  /** A folder for what a test's commands write; `LIVING` in their environment. */
  living: string;
  events: HostEvent[];
  warnings: string[];
  open(
    names: Pick<ContractNames, 'deployment' | 'host'>,
    options?: Partial<LocalHostOptions>,
  ): Promise<LocalHost>;
  log(name: string): string;
  /** Ends everything and removes the directory. */
  close(): Promise<void>;
}

/** Other users' runners pass through it: where the folder for temporary files is private, it is the system's own. */
function folderForAll(): string {
  const anyone = { name: 'anyone', uid: 65_534, gid: 65_534, home: null, prefix: [] };
  return firstClosedFolder(tmpdir(), anyone) === null ? tmpdir() : '/tmp';
}

export function createGround(
  { clock, pass }: { clock: Clock; pass: () => Promise<void> },
  onEvent: (event: HostEvent) => Promise<void> = async () => {},
): Ground {
  const directory = mkdtempSync(join(folderForAll(), 'local-host-'));
  const dataDirectory = join(directory, 'data');
  const living = join(directory, 'living');
  mkdirSync(living);
  const events: HostEvent[] = [];
  const warnings: string[] = [];
  const opened: { deployment: DeploymentPrefix; host: HostName; instance: LocalHost }[] = [];

  const create = ({ deployment, host }: { deployment: DeploymentPrefix; host: HostName }, options = {}) =>
    createLocalHost({
      deployment,
      host,
      options: localHostOptions.parse(options),
      dataDirectory,
      clock,
      onEvent: async (event) => {
        await onEvent(event);
        events.push(event);
      },
      onWarning: (text) => warnings.push(text),
    });

  return {
    directory,
    dataDirectory,
    living,
    events,
    warnings,
    open: async (names, options) => {
      const instance = await create(names, options);
      opened.push({ ...names, instance });
      return instance;
    },
    log: (name) => readFileSync(join(dataDirectory, 'logs', `${name}.log`), 'utf8'),
    close: async () => {
      for (const { instance } of opened) instance.close();
      const owners = new Map(
        opened.map(({ deployment, host }) => [`${deployment} ${host}`, { deployment, host }]),
      );
      for (const owner of owners.values()) await endAll(await create(owner), pass);
      // The last keepers may be writing still.
      await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}

async function endAll(host: LocalHost, pass: () => Promise<void>): Promise<void> {
  const machines = async (): Promise<ListedMachine[]> => {
    const list = await host.list();
    return list === 'unknown' ? [] : list;
  };
  for (const { name, machine } of await machines())
    await host.terminate({ name: name as RunnerName, machine });
  while ((await machines()).some((machine) => machine.alive)) await pass();
  host.close();
}

export async function makeFixture(names: ContractNames, { clock, pass }: FixtureTime): Promise<HostFixture> {
  const ground = createGround({ clock, pass });
  const { living } = ground;
  let host = await ground.open(names);
  const stranger = await ground.open({ deployment: names.stranger, host: names.host });

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

  return {
    host,
    request,
    refusedRequest: (name, attempt) => ({
      ...request(name, attempt),
      machine: { command: ['/nowhere/at-all'] },
    }),
    restart: async () => {
      host.close();
      host = await ground.open(names);
      return host;
    },
    alive: async () => (await livingProcesses(living)).map(({ name }) => name),
    endByItself: async (name) => {
      for (const each of await livingProcesses(living))
        if (each.name === name) process.kill(each.pid, 'SIGKILL');
    },
    addStranger: async (name) => {
      const answer = await stranger.launch(request(name, 1, names.stranger));
      if (answer.outcome === 'refused') throw new Error(answer.reason);
      return answer.machine;
    },
    events: () => ground.events.filter((event) => event.name.startsWith(names.deployment)),
    pass,
    close: ground.close,
  };
}

/** Name and number of each process that wrote itself down in the folder, as `<name>.<pid>`, and runs. */
export async function livingProcesses(folder: string): Promise<{ name: string; pid: number }[]> {
  const written = readdirSync(folder).map((file) => {
    const dot = file.lastIndexOf('.');
    return { name: file.slice(0, dot), pid: Number(file.slice(dot + 1)) };
  });
  const running = await createProcessTable().startTimes(written.map(({ pid }) => pid));
  return written.filter(({ pid }) => running.has(pid));
}
