// How a station runs here: each call is an invocation, which may die or stall at any of its steps. A step is a call of
// a port. A dead invocation does nothing any more: what it waits for never comes, what it asks for is not done. Whoever
// called it is told at once that it failed, as Lambda tells a queue; of a killed process nobody hears.
//
// Instances are kept warm, one invocation at a time each, as Lambda keeps them; one that died is thrown away.

import type { SeededRandom } from '../../adapters/clock/virtual/random.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Make } from '../pipeline.ts';
import type { Ports } from '../stations.ts';
import type { Mischief } from './faults.ts';

/** What happens to one step of a handler: before the port is called, or after it did what it was asked. */
export type Hurt =
  | { how: 'crash'; when: 'before' | 'after' }
  | { how: 'stall'; when: 'before' | 'after'; ms: number };

export type HurtStep = (station: string, step: string) => Hurt | null;

/** One run of the whole process: killed, nothing of it goes on. */
export interface Life {
  isOver: boolean;
}

export interface StationsDeps {
  clock: Clock;
  random: SeededRandom;
  mischief: Mischief;
  life: Life;
  /** An invocation was hurt: for the timeline. */
  onHurt(station: string, how: 'crashed' | 'stalled', step: string): void;
  /** Crashes and stalls that are meant for this very step. */
  hurt?: HurtStep;
}

interface Invocation {
  isDead: boolean;
  /** Stalls at its step of this number; 0: never. */
  stallsAt: number;
  steps: number;
  onDeath(error: Error): void;
}

type Step = <Result>(name: string, latencyMs: number, call: () => Promise<Result>) => Promise<Result>;

/** How long one call of a port takes: the table and queues are near, GitHub is far, hosts take their own time. */
const latencyMs: Readonly<Record<keyof Ports, { leastMs: number; mostMs: number }>> = {
  table: { leastMs: 1, mostMs: 12 },
  budgets: { leastMs: 1, mostMs: 8 },
  github: { leastMs: 60, mostMs: 500 },
  hosts: { leastMs: 0, mostMs: 0 },
  publisherTopic: { leastMs: 1, mostMs: 15 },
  jobsTopic: { leastMs: 1, mostMs: 15 },
  timer: { leastMs: 1, mostMs: 15 },
  steps: { leastMs: 1, mostMs: 15 },
};

const stallMsMax = 90_000;
const slowMsMax = 5_000;
/** Steps among which a stalling invocation chooses one. */
const stallStepsMax = 12;

export type RunStation = <Args extends unknown[], Result>(
  name: string,
  make: Make<(...args: Args) => Promise<Result>>,
  ports: Ports,
) => (...args: Args) => Promise<Result>;

export function createStations({ clock, random, mischief, life, onHurt, hurt }: StationsDeps): RunStation {
  return (name, make, ports) => {
    type Run = ReturnType<typeof make>;
    const idle: Instance<Run>[] = [];

    return async (...args) => {
      if (life.isOver) return never();
      const instance = idle.pop() ?? newInstance(name, make, ports);
      return new Promise((resolve, reject) => {
        const invocation: Invocation = { isDead: false, stallsAt: stallStep(), steps: 0, onDeath: reject };
        instance.invocation = invocation;
        const ended = () => {
          if (!invocation.isDead) idle.push(instance);
        };
        instance.run(...args).then(
          (result) => {
            ended();
            resolve(result);
          },
          (error: unknown) => {
            ended();
            reject(error);
          },
        );
      });
    };
  };

  interface Instance<Run> {
    run: Run;
    invocation: Invocation;
  }

  function newInstance<Run>(name: string, make: Make<Run>, ports: Ports): Instance<Run> {
    const slot: { invocation: Invocation } = {
      invocation: { isDead: true, stallsAt: 0, steps: 0, onDeath: () => {} },
    };
    const step: Step = (stepName, takesMs, call) => perform(slot.invocation, name, stepName, takesMs, call);
    const run = make(steppedPorts(ports, step, random));
    return Object.assign(slot, { run });
  }

  function stallStep(): number {
    return mischief.happens('stall') ? 1 + mischief.random('stall').int(stallStepsMax) : 0;
  }

  async function perform<Result>(
    invocation: Invocation,
    station: string,
    step: string,
    takesMs: number,
    call: () => Promise<Result>,
  ): Promise<Result> {
    if (invocation.isDead || life.isOver) return never();
    invocation.steps += 1;
    const isSlow = mischief.happens('slow');
    const meant = hurt?.(station, step) ?? null;
    const stall =
      meant?.how === 'stall'
        ? stallFor(station, step, meant.ms, meant.when === 'before')
        : invocation.stallsAt === invocation.steps
          ? stallOf(station, step)
          : null;
    const crash = meant?.how === 'crash' ? meant.when : crashByChance();
    const waitMs = takesMs + (isSlow ? mischief.random('slow').int(slowMsMax) : 0) + (stall?.beforeMs ?? 0);
    if (waitMs > 0) await clock.sleep(waitMs);
    if (invocation.isDead || life.isOver) return never();
    if (crash === 'before') return die(invocation, station, `before ${step}`);
    const result = await settled(call());
    if (crash === 'after') return die(invocation, station, `after ${step}`);
    if (stall && stall.afterMs > 0) await clock.sleep(stall.afterMs);
    if (invocation.isDead || life.isOver) return never();
    if (result.error !== null) throw result.error.thrown;
    return result.value as Result;
  }

  function stallOf(station: string, step: string): { beforeMs: number; afterMs: number } {
    const chance = mischief.random('stall');
    const ms = 1_000 + chance.int(stallMsMax - 1_000);
    return stallFor(station, step, ms, chance.chance(0.5));
  }

  function stallFor(
    station: string,
    step: string,
    ms: number,
    isBefore: boolean,
  ): { beforeMs: number; afterMs: number } {
    onHurt(station, 'stalled', `${isBefore ? 'before' : 'after'} ${step} for ${Math.round(ms / 1_000)} s`);
    return isBefore ? { beforeMs: ms, afterMs: 0 } : { beforeMs: 0, afterMs: ms };
  }

  function crashByChance(): 'before' | 'after' | null {
    if (!mischief.happens('crash')) return null;
    return mischief.random('crash').chance(0.5) ? 'before' : 'after';
  }

  function die(invocation: Invocation, station: string, step: string): Promise<never> {
    invocation.isDead = true;
    onHurt(station, 'crashed', step);
    invocation.onDeath(new Error(`${station} crashed ${step}`));
    return never();
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}

type Settled<Result> = { value: Result; error: null } | { value: null; error: { thrown: unknown } };

async function settled<Result>(result: Promise<Result>): Promise<Settled<Result>> {
  try {
    return { value: await result, error: null };
  } catch (thrown) {
    return { value: null, error: { thrown } };
  }
}

// ---- Ports whose every call is a step

/** Answered from memory, without a request. */
const notSteps: ReadonlySet<PropertyKey> = new Set(['rateLeft']);

function steppedPorts(ports: Ports, step: Step, random: SeededRandom): Ports {
  const stepped = <Port extends object>(name: keyof Ports, port: Port, label: string = name): Port =>
    steppedPort(port, (method, call) => step(`${label}.${method}`, draw(name, random), call));
  return {
    table: stepped('table', ports.table),
    github: stepped('github', ports.github),
    budgets: stepped('budgets', ports.budgets),
    hosts: new Map([...ports.hosts].map(([name, host]) => [name, stepped('hosts', host, name)])),
    publisherTopic: stepped('publisherTopic', ports.publisherTopic),
    jobsTopic: stepped('jobsTopic', ports.jobsTopic),
    timer: stepped('timer', ports.timer),
    steps: stepped('steps', ports.steps),
  };
}

function draw(port: keyof Ports, random: SeededRandom): number {
  const { leastMs, mostMs } = latencyMs[port];
  return mostMs === 0 ? 0 : leastMs + random.int(mostMs - leastMs + 1);
}

/** Each method is wrapped when it is first used; what is no method is handed through. */
function steppedPort<Port extends object>(
  port: Port,
  step: (method: string, call: () => Promise<unknown>) => Promise<unknown>,
): Port {
  const wrapped = new Map<PropertyKey, unknown>();
  return new Proxy(port, {
    get(target, property) {
      const known = wrapped.get(property);
      if (known !== undefined) return known;
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function' || notSteps.has(property)) return value;
      const method = (...args: unknown[]) =>
        step(String(property), () => Reflect.apply(value, target, args) as Promise<unknown>);
      wrapped.set(property, method);
      return method;
    },
  });
}
