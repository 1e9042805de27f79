// What is around the deployed system where there is no cloud and no GitHub: a simulated GitHub, whose webhooks reach
// the system once it has an address; a park, in which the machines of its hosts live; and eyes on both. All of it is
// a stand-in on loopback, and says so. Hosts of other types than the simulated have their machines elsewhere.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import {
  type SimulatedGitHub,
  type SimulatedGitHubOptions,
  startSimulatedGitHub,
} from '../../../../adapters/github/simulated/server.ts';
import type { Job } from '../../../../adapters/github/simulated/state.ts';
import type { World as GitHubWorld } from '../../../../adapters/github/simulated/world.ts';
import type { SimulatedFaults } from '../../../../adapters/hosts/simulated/index.ts';
import { simulatedHostOptions } from '../../../../adapters/hosts/simulated/options.ts';
import { type Park, startPark } from '../../../../adapters/hosts/simulated/park.ts';
import { type Configuration, poolByName } from '../../../../core/configuration.ts';
import type { HostName, PoolName } from '../../../../core/ids.ts';
import type { Clock, Random } from '../../../../ports/clock.ts';
import type { HostEvent } from '../../../../ports/host.ts';
import { createChanges } from './changes.ts';
import { createLimitsWatch, type LimitsWatch } from './limits-watch.ts';
import { createMachineProgram, type ProgramDeps } from './program.ts';

export interface WorldOptions {
  clock: Clock;
  random: Random;
  /** What is to be deployed: the park's two belong into the options of each simulated host. */
  configure: (park: { url: string; token: string }) => Configuration;
  gitHub?: Partial<Omit<SimulatedGitHubOptions, 'clock' | 'random' | 'publicKey' | 'watch'>>;
  machines?: Partial<Pick<ProgramDeps, 'fetch' | 'times' | 'milestones' | 'fate'>>;
  /** What goes wrong at a host: refused and late launches, deaths, lost events. */
  faults?: (host: HostName) => SimulatedFaults;
}

export interface EmulatedWorld {
  readonly configuration: Configuration;
  /** `setWebhookUrl` once the system has an address: until then deliveries fail. */
  readonly gitHub: SimulatedGitHub;
  readonly app: { readonly id: number; readonly privateKey: string; readonly webhookSecret: string };
  readonly park: Park;
  readonly limits: LimitsWatch;
  /** Who hears that a machine is dead; before that, and where it rejects, the event is lost. */
  tellDeathsTo(tell: TellDeath): void;
  /** All of it at once. */
  enqueue(wanted: readonly Wanted[]): Burst;
  /** Machines alive in the park, of all hosts. */
  alive(): number;
  /** Runners that have an entry at GitHub. */
  registered(): number;
  /** Until nothing is left but the spares. */
  emptied(withinMs: number): Promise<void>;
  /** Looked at after each change of a job, a runner or a machine; rejects when the time is over, and says what is there. */
  until(says: string, condition: () => boolean, withinMs: number): Promise<void>;
  close(): Promise<void>;
}

export type TellDeath = (host: HostName, event: HostEvent) => Promise<void>;

/** So many jobs that belong to this pool. */
interface Wanted {
  pool: PoolName;
  jobs: number;
  durationMs: number;
  /** `acme/app`, which is there from the start, unless it says otherwise. */
  repository?: string;
}

interface Burst {
  readonly jobs: readonly Job[];
  /** Until every job has ended. */
  served(withinMs: number): Promise<void>;
}

const appId = 4711;
const organisation = 'acme';
const repositoryDefault = 'acme/app';

/** A GitHub whose limits no burst reaches by accident, and whose webhooks come at once. */
const quickGitHub: SimulatedGitHubOptions['settings'] = {
  pickUp: { minMs: 1, maxMs: 20 },
  deliveryDelay: { minMs: 0, maxMs: 20 },
  requestsPerHour: 1_000_000,
  pointsPerMinute: 1_000_000,
  registrationsPer5Minutes: 1_000_000,
};

const secretBytes = 32;

export async function startWorld(options: WorldOptions): Promise<EmulatedWorld> {
  const { clock, random } = options;
  const { publicKey, privateKey } = makeKeys();
  const webhookSecret = randomBytes(secretBytes).toString('hex');
  const changes = createChanges(clock, () => picture());
  const gitHub = await startGitHub();
  const token = randomBytes(secretBytes).toString('hex');
  let tell: TellDeath = () => Promise.reject(new Error('nobody is to be told yet'));
  const program = createMachineProgram({ clock, random, gitHub: gitHub.world, ...options.machines });
  const park = await startPark({
    clock,
    random,
    hosts: [],
    program: (machine) => {
      const standBy = (): void => {
        machine.standBy();
        changes.happened();
      };
      return program({ ...machine, standBy });
    },
    token,
    onEvent: (host, event) => tell(host, event),
  });
  const configuration = await configure();
  const limits = createLimitsWatch(configuration);
  const inPark = configuration.hosts.filter(({ type }) => type === 'simulated');
  for (const host of inPark) {
    const watch = limits.observer(host, () => park.ground(host.name).census());
    park.addHost({
      name: host.name,
      options: simulatedHostOptions.parse(host.options),
      ...(options.faults && { faults: options.faults(host.name) }),
      observer: {
        born(machine) {
          watch.born(machine);
          changes.happened();
        },
        died: changes.happened,
      },
    });
  }
  const spares = configuration.pools.reduce((sum, pool) => sum + pool.spares, 0);
  const { until } = changes;

  const world: EmulatedWorld = {
    configuration,
    gitHub,
    app: { id: appId, privateKey, webhookSecret },
    park,
    limits,
    tellDeathsTo(next) {
      tell = next;
    },
    enqueue(wanted) {
      const jobs = wanted.flatMap((each) => startRuns(gitHub.world, configuration, each));
      const isServed = (): boolean => jobs.every(({ status }) => status === 'completed');
      return { jobs, served: (withinMs) => until(`${jobs.length} jobs end`, isServed, withinMs) };
    },
    alive: () => inPark.reduce((sum, { name }) => sum + park.ground(name).census().alive, 0),
    registered: () => gitHub.world.state.runners.size,
    emptied: (withinMs) =>
      until(
        `${spares} machines stand by and nothing else is left`,
        () => world.alive() === spares && world.registered() === 0 && standingBy() === spares,
        withinMs,
      ),
    until,
    async close() {
      changes.close();
      await park.close();
      await gitHub.close();
    },
  };
  return world;

  function standingBy(): number {
    return inPark
      .flatMap(({ name }) => [...park.ground(name).all()])
      .filter((machine) => machine.isStandingBy).length;
  }

  async function configure(): Promise<Configuration> {
    try {
      return options.configure({ url: park.url, token });
    } catch (error) {
      await park.close();
      await gitHub.close();
      throw error;
    }
  }

  function startGitHub(): Promise<SimulatedGitHub> {
    const { gitHub: given = {} } = options;
    return startSimulatedGitHub({
      clock,
      random,
      publicKey,
      ...given,
      app: { id: appId, webhookSecret, ...given.app },
      settings: { ...quickGitHub, ...given.settings },
      watch: { job: changes.happened, runner: changes.happened },
      setUp(gitHubWorld) {
        gitHubWorld.addOrganisation(organisation);
        gitHubWorld.addRepository(repositoryDefault);
        gitHubWorld.install(organisation);
        given.setUp?.(gitHubWorld);
      },
    });
  }

  /** For whoever waited in vain. */
  function picture(): string {
    const { jobs, runners } = gitHub.world.census();
    const alive = inPark.map(({ name, limit }) => `${name} ${park.ground(name).census().alive} of ${limit}`);
    return `machines: ${alive.join(', ')}; jobs: ${counts(jobs)}; runners at GitHub: ${counts(runners)}`;
  }
}

/** GitHub's, for one matrix. */
const matrixJobsMax = 256;

function startRuns(gitHub: GitHubWorld, configuration: Configuration, wanted: Wanted): Job[] {
  const { pool: name, durationMs, repository = repositoryDefault } = wanted;
  const labels = poolByName(configuration, name)?.labels;
  if (!labels)
    throw new Error(`no pool ${name}: there are ${configuration.pools.map((each) => each.name).join(', ')}`);
  const jobs: Job[] = [];
  while (jobs.length < wanted.jobs) {
    const matrix = Math.min(matrixJobsMax, wanted.jobs - jobs.length);
    const job = { name, labels, matrix, failFast: false, durationMs };
    jobs.push(...gitHub.startRun(repository, { name: `burst of ${name}`, jobs: [job] }).jobs);
  }
  return jobs;
}

function counts(of: Readonly<Record<string, number>>): string {
  const some = Object.entries(of).filter(([, count]) => count > 0);
  return some.map(([what, count]) => `${count} ${what}`).join(', ') || 'none';
}

function makeKeys(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
