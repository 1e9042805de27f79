// What runs on a machine of the park: it boots, says so, claims its configuration over HTTP as a real machine does,
// listens at the simulated GitHub, plays its job for the job's time, and ends. Nothing of the job is run. GitHub is
// in this process, so that five hundred machines cost no more than their claims.

import { z } from 'zod';
import type { World as GitHubWorld } from '../../../../adapters/github/simulated/world.ts';
import type { RunningProgram, SimulatedMachine } from '../../../../adapters/hosts/simulated/index.ts';
import type { Spread } from '../../../../adapters/hosts/simulated/options.ts';
import { drawMs } from '../../../../adapters/hosts/simulated/spread.ts';
import type { Cancel, Clock, Random } from '../../../../ports/clock.ts';

export interface ProgramDeps {
  clock: Clock;
  random: Random;
  gitHub: Pick<GitHubWorld, 'runnerConnect'>;
  /** How a machine reaches the address that it was given, where that is not simply by its name. */
  fetch?: typeof fetch;
  times?: Partial<MachineTimes>;
  /** What machines say of themselves; each is a request more. */
  milestones?: readonly Milestone[];
  /** Asked once for each machine, when its program starts. */
  fate?: (machine: ProgramMachine) => Fate | null;
  /** What it shows at the doors; left out: the token that it was given. */
  proofOf?: (machine: ProgramMachine) => Promise<Readonly<Record<string, string>>>;
}

/** What a program has to know of its machine. */
export type ProgramMachine = Pick<SimulatedMachine, 'name' | 'configuration' | 'end' | 'standBy'>;

interface MachineTimes {
  /** From the configuration until the runner listens. */
  connectMs: Spread;
  /** From the job's end, or from a refusal, until the machine is gone. */
  endMs: Spread;
  /** A job that is told to stop needs this. */
  cancelMs: Spread;
}

type Milestone = 'booted' | 'registered' | 'jobStarted' | 'jobEnded';

export type Fate =
  /** It has booted, and its runner never starts: nothing is heard of it. */
  | 'silent'
  /** It claims, and the answer does not arrive: it asks again, as it must. */
  | 'claimAnswerLost'
  /** It has its configuration and never uses it. */
  | 'neverConnects'
  /** Its job ends, and the machine does not. */
  | 'hangs'
  /** It dies in the middle of its job, as a spot machine does. */
  | 'diesAtWork';

const milestones: readonly Milestone[] = ['booted', 'registered', 'jobStarted', 'jobEnded'];

/** Quick: what is tried here is the system, and a real machine's minutes would only be waited for. */
const quick: MachineTimes = {
  connectMs: { leastMs: 1, medianMs: 20, p95Ms: 60, mostMs: 100 },
  endMs: { leastMs: 1, medianMs: 20, p95Ms: 60, mostMs: 100 },
  cancelMs: { leastMs: 1, medianMs: 20, p95Ms: 60, mostMs: 100 },
};

/** A claim is answered within the 25 s that its function has, or never. */
const claimMsMax = 30_000;
const claimAgainMs = 1_000;
/** A function that is told to retry later by more than this would not be waited for by a real machine either. */
const retryAfterMsMax = 120_000;
/** A machine that can not claim for so long gives up and ends. */
const claimPatienceMs = 5 * 60_000;
/** Nobody waits for a note: it is sent once. */
const noteMsMax = 10_000;
/** As far as it goes before it dies at work. */
const deathShare = 0.5;
/** Not older than GitHub takes. */
const runnerVersion = '2.336.0';

const claimed = z.object({ jitConfig: z.string().min(1) });
const told = z.object({ message: z.string() });

export function createMachineProgram(deps: ProgramDeps): (machine: ProgramMachine) => RunningProgram {
  return (machine) => runMachine(deps, machine);
}

function runMachine(deps: ProgramDeps, machine: ProgramMachine): RunningProgram {
  const { clock, random, gitHub, fetch: reach = fetch } = deps;
  const times = { ...quick, ...deps.times };
  const says = new Set(deps.milestones ?? milestones);
  const fate = deps.fate?.(machine) ?? null;
  const timers = new Set<Cancel>();
  let isOver = false;
  const { configuration: given } = machine;
  let proof: Readonly<Record<string, string>> = given.kind === 'claimed' ? { token: given.token } : {};
  let vanishFromGitHub = (): void => {};

  function later(delayMs: number, task: () => void): void {
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel);
      task();
    });
    timers.add(cancel);
  }

  const sleep = (delayMs: number): Promise<void> => new Promise((wake) => later(delayMs, wake));

  async function run(): Promise<void> {
    if (deps.proofOf) proof = await deps.proofOf(machine);
    if (isOver) return;
    if (fate === 'silent') return;
    note('booted');
    const jitConfig = await configuration();
    if (jitConfig === null || fate === 'neverConnects') return;
    await sleep(drawMs(times.connectMs, random));
    const connected = gitHub.runnerConnect(jitConfig, runnerVersion);
    if (connected.outcome === 'refused')
      return endSoon(`GitHub refuses its configuration: ${connected.reason}`);
    const { session } = connected;
    vanishFromGitHub = () => session.vanish();
    note('registered');
    const job = await session.nextJob();
    if (isOver) return;
    if (job === 'gone') return endSoon('GitHub has removed its registration');
    note('jobStarted', `job ${job.id}`);
    const conclusion = await new Promise<typeof job.outcome | 'cancelled'>((resolve) => {
      session.onCancel(() => later(drawMs(times.cancelMs, random), () => resolve('cancelled')));
      if (fate === 'diesAtWork') later(job.durationMs * deathShare, () => machine.end('it died at work'));
      else later(job.durationMs, () => resolve(job.outcome));
    });
    session.finish(conclusion);
    note('jobEnded', conclusion);
    if (fate !== 'hangs') await endSoon('its job is done');
  }

  async function endSoon(cause: string): Promise<void> {
    await sleep(drawMs(times.endMs, random));
    machine.end(cause);
  }

  // ---- The claim

  /** `null` where there is none to be had: the machine stands by, or ends. */
  async function configuration(): Promise<string | null> {
    if (machine.configuration.kind === 'handedOver') return machine.configuration.jitConfig;
    const { url } = machine.configuration;
    const giveUpAt = clock.now() + claimPatienceMs;
    let answersToLose = fate === 'claimAnswerLost' ? 1 : 0;
    while (clock.now() < giveUpAt) {
      const answer = await post(url, { runner: machine.name, ...proof }, claimMsMax);
      if (isOver) return null;
      const isLost = answer?.status === 200 && answersToLose-- > 0;
      switch (isLost ? null : answer?.status) {
        case 200:
          return claimed.parse(answer?.body).jitConfig;
        case 202:
          machine.standBy();
          return null;
        case 401:
        case 410: {
          const { message } = told.catch({ message: 'no reason given' }).parse(answer?.body);
          await endSoon(`its claim was refused: ${message}`);
          return null;
        }
        default:
          await sleep(isLost ? claimAgainMs : (answer?.retryAfterMs ?? claimAgainMs));
      }
    }
    await endSoon('it could not claim its configuration');
    return null;
  }

  function note(milestone: Milestone, detail?: string): void {
    if (machine.configuration.kind !== 'claimed' || !says.has(milestone)) return;
    const { url } = machine.configuration;
    const body = { runner: machine.name, ...proof, milestone, ...(detail === undefined ? {} : { detail }) };
    void post(new URL('milestones', url).href, body, noteMsMax);
  }

  /** `null` where no answer came. */
  async function post(url: string, body: unknown, withinMs: number): Promise<HttpAnswer | null> {
    const giveUp = new AbortController();
    const stopWaiting = clock.after(withinMs, () => giveUp.abort());
    try {
      const response = await reach(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: giveUp.signal,
      });
      const text = await response.text();
      const retryAfterSeconds = Number(response.headers.get('retry-after') ?? Number.NaN);
      const retryAfterMs = Number.isFinite(retryAfterSeconds)
        ? Math.min(retryAfterSeconds * 1_000, retryAfterMsMax)
        : null;
      return { status: response.status, body: parseJson(text), retryAfterMs };
    } catch {
      return null;
    } finally {
      stopWaiting();
    }
  }

  run().catch((error: unknown) => machine.end(`its program failed: ${String(error)}`));
  return {
    vanish() {
      isOver = true;
      for (const cancel of timers) cancel();
      timers.clear();
      vanishFromGitHub();
    },
  };
}

interface HttpAnswer {
  status: number;
  body: unknown;
  retryAfterMs: number | null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
