// What runs on an instance of the stand-in cloud, as its boot script would: it reads its tags, proves itself by its
// signed document, claims over HTTP, gives its runner to the simulated GitHub for one job, and shuts itself down. A Mac
// whose machines are reused cleans itself instead and asks what it is to do next, with the key of its own.

import { randomBytes } from 'node:crypto';
import type { RunnerSession } from '../../src/adapters/github/simulated/runners.ts';
import type { World } from '../../src/adapters/github/simulated/world.ts';
import { tagKeys } from '../../src/adapters/hosts/ec2/tags.ts';
import type { StandInInstance } from '../../src/adapters/hosts/ec2/testing/cloud.ts';
import type { Cancel, Clock } from '../../src/ports/clock.ts';
import type { Signer } from './identity.ts';
import type { Traffic } from './standing-time.ts';

export interface MachineDeps {
  clock: Clock;
  traffic: Traffic;
  signer: Signer;
  world: World;
  /** `shutdown -P now`, on the instance. */
  shutDown: (instance: StandInInstance) => void;
  /** From the start of the instance to the first claim. */
  bootMs: number;
  /** It cleans itself after a job, and asks again. */
  isReused: (instance: StandInInstance) => boolean;
  /** It has got its configuration, or its job. */
  onWork?: (moment: { instance: StandInInstance; runner: string; job: number | null }) => void;
}

export interface Machine {
  /** The instance is up, for the first time or again. */
  boot(): void;
  /** It was stopped, or taken. */
  halt(): void;
}

/** From the configuration to a runner that listens. */
const connectMs = 3_000;
const shutDownMs = 1_000;
const cleanMs = 20_000;
/** As in the boot script. */
const pauseMsDefault = 5_000;
const refusalsMax = 60;
const runnerVersion = '2.336.0';

export function createMachine(deps: MachineDeps, instance: StandInInstance): Machine {
  const { clock, traffic, signer, world } = deps;
  const key = deps.isReused(instance) ? randomBytes(32).toString('base64url') : null;
  let startedAt = instance.launchedAt;
  let life = 0;
  let session: RunnerSession | null = null;
  /** Whom it is: its tag, but for a reused one that has not been given another name since its job. */
  let name = '';
  let had = '';
  let taggedThen = '';
  let cancelLifetime: Cancel = () => {};

  const tag = (name: string): string => instance.tags.get(name) ?? '';

  async function run(mine: number): Promise<void> {
    const isOver = (): boolean => mine !== life;
    await clock.sleep(deps.bootMs);
    if (isOver()) return;
    name = tag(tagKeys.name);
    void post('milestones', { milestone: 'booted' });
    for (let jobs = 0; ; jobs += 1) {
      const jitConfig = await claim(isOver);
      if (isOver()) return;
      if (jitConfig === null) break;
      // Of a machine that is reused, the lifetime is that of all of its jobs.
      if (jobs === 0) armLifetime();
      await clock.sleep(connectMs);
      if (isOver()) return;
      await runJob(jitConfig, isOver);
      if (isOver()) return;
      if (key === null) break;
      await clock.sleep(cleanMs);
      if (isOver()) return;
    }
    await clock.sleep(shutDownMs);
    if (!isOver()) deps.shutDown(instance);
  }

  /** `null`: it is not wanted any more. */
  async function claim(isOver: () => boolean): Promise<string | null> {
    for (let refusals = 0; refusals < refusalsMax && !isOver(); ) {
      const tagged = tag(tagKeys.name);
      const next = had !== '' && (tagged === had || tagged === taggedThen);
      name = next ? had : tagged;
      const answer = await post('claim', { ...(key && { key }), ...(next && { next }) });
      if (answer?.status === 200) {
        had = String(answer.body['runner']);
        name = had;
        taggedThen = tagged;
        deps.onWork?.({ instance, runner: had, job: null });
        return String(answer.body['jitConfig']);
      }
      if (answer?.status === 410) return null;
      if (answer?.status === 401 || answer?.status === 400) refusals += 1;
      await clock.sleep(answer?.retryAfterMs ?? pauseMsDefault);
    }
    return null;
  }

  async function runJob(jitConfig: string, isOver: () => boolean): Promise<void> {
    const connected = world.runnerConnect(jitConfig, runnerVersion);
    if (connected.outcome === 'refused') return;
    session = connected.session;
    void post('milestones', { milestone: 'registered' });
    const job = await connected.session.nextJob();
    if (job === 'gone' || isOver()) return;
    deps.onWork?.({ instance, runner: connected.session.name, job: job.id });
    let isCancelled = false;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(job.durationMs, resolve);
      connected.session.onCancel(() => {
        isCancelled = true;
        cancel();
        resolve();
      });
    });
    if (!isOver()) connected.session.finish(isCancelled ? 'cancelled' : job.outcome);
    session = null;
  }

  async function post(door: 'claim' | 'milestones', fields: Record<string, unknown>) {
    return traffic.during(async () => {
      try {
        const about = {
          runner: name,
          identity: await signer.sign({
            instance: instance.id,
            type: instance.instanceType,
            zone: instance.zone,
            startedAt,
          }),
        };
        const answer = await fetch(tag(tagKeys.claim).replace(/claim$/, door), {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ ...about, ...fields }),
        });
        const seconds = Number(answer.headers.get('retry-after') ?? 0);
        const body = (await answer.json()) as Record<string, unknown>;
        return { status: answer.status, body, ...(seconds > 0 && { retryAfterMs: seconds * 1_000 }) };
      } catch {
        // Nobody is there at the moment: it asks again.
        return null;
      }
    });
  }

  function armLifetime(): void {
    cancelLifetime();
    cancelLifetime = clock.after(Number(tag(tagKeys.lifetime)) * 1_000, () => deps.shutDown(instance));
  }

  return {
    boot() {
      life += 1;
      startedAt = clock.now();
      armLifetime();
      void run(life);
    },
    halt() {
      life += 1;
      cancelLifetime();
      session?.vanish();
      session = null;
    },
  };
}
