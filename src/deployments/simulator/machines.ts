// What runs on a simulated machine: it comes by its configuration, connects to GitHub, takes one job, and ends. The
// network between it and us loses what it likes.

import type { SeededRandom } from '../../adapters/clock/virtual/random.ts';
import type { RunnerSession } from '../../adapters/github/simulated/runners.ts';
import type { World } from '../../adapters/github/simulated/world.ts';
import type {
  RunningProgram,
  SimulatedMachine,
  SimulatedProgram,
} from '../../adapters/hosts/simulated/index.ts';
import type { Answer } from '../../flow/producer/answer.ts';
import type { Cancel, Clock } from '../../ports/clock.ts';
import type { EventLog } from './event-log.ts';
import type { Mischief } from './faults.ts';

export interface MachinesDeps {
  clock: Clock;
  random: SeededRandom;
  mischief: Mischief;
  world: World;
  log: EventLog;
  /** Rejects while the process is down. */
  claim: (body: unknown) => Promise<Answer>;
}

const networkMs = 60;
/** A claim that is not answered by then is repeated. */
const claimTimeoutMs = 15_000;
const claimAgainMs = 5_000;
/** A machine that can not claim for so long gives up and ends. */
const claimPatienceMs = 5 * 60_000;
/** From the configuration until the runner listens. */
const connectMsMax = 4_000;
/** After its job, a machine ends by itself within this. */
const endMsMax = 15_000;
/** What it takes to clean a machine after its job. */
const cleanMsMax = 20_000;
/** A job that is told to stop needs so long at most. */
const cancelMsMax = 10_000;
const currentVersion = '2.336.0';
/** GitHub lets it connect, and gives it nothing. */
const deprecatedVersion = '2.300.0';

export function createProgram(deps: MachinesDeps): SimulatedProgram {
  return (machine) => runMachine(deps, machine);
}

function runMachine(deps: MachinesDeps, machine: SimulatedMachine): RunningProgram {
  const { clock, random, mischief, world, log } = deps;
  const timers = new Set<Cancel>();
  let session: RunnerSession | null = null;
  let isOver = false;

  const later = (delayMs: number, task: () => void): void => {
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel);
      if (!isOver) task();
    });
    timers.add(cancel);
  };

  const end = (cause: string): void => {
    isOver = true;
    machine.end(cause);
  };

  const { configuration } = machine;
  if (configuration.kind === 'handedOver')
    later(1 + random.int(connectMsMax), () => connect(configuration.jitConfig));
  else askForConfiguration(clock.now() + claimPatienceMs);
  return {
    vanish() {
      isOver = true;
      for (const cancel of timers) cancel();
      timers.clear();
      session?.vanish();
    },
  };

  // ---- The claim

  function askForConfiguration(until: number, next = false): void {
    if (clock.now() > until) {
      end('it could not claim its configuration');
      return;
    }
    const again = (afterMs: number) => later(afterMs, () => askForConfiguration(until, next));
    let isAnswered = false;
    const answered = (answer: Answer | null): void => {
      if (isAnswered || isOver) return;
      isAnswered = true;
      if (answer === null) again(claimAgainMs);
      else take(answer, again);
    };
    const isLost = mischief.happens('claimLost');
    const isLostBefore = isLost && mischief.random('claimLost').chance(0.3);
    later(claimTimeoutMs, () => answered(null));
    if (isLostBefore) return;
    later(1 + random.int(networkMs), () => {
      if (configuration.kind !== 'claimed') return;
      const key = machine.key === null ? {} : { key: machine.key };
      deps.claim({ runner: machine.name, token: configuration.token, ...key, next }).then(
        (answer) => {
          if (!isLost) later(1 + random.int(networkMs), () => answered(answer));
        },
        () => later(1 + random.int(networkMs), () => answered(null)),
      );
    });
  }

  function take(answer: Answer, again: (afterMs: number) => void): void {
    switch (answer.status) {
      case 200:
        later(1 + random.int(connectMsMax), () => connect(String(answer.body['jitConfig'])));
        return;
      case 202:
        log.add('stands by', machine.name);
        machine.standBy();
        return;
      case 401:
      case 410:
        end(`its claim was refused: ${String(answer.body['message'])}`);
        return;
      default:
        again((answer.retryAfterSeconds ?? claimAgainMs / 1_000) * 1_000);
    }
  }

  // ---- The job

  function connect(jitConfig: string): void {
    const version = mischief.happens('deprecated') ? deprecatedVersion : currentVersion;
    const connected = world.runnerConnect(jitConfig, version);
    if (connected.outcome === 'refused') {
      end(`GitHub refuses its configuration: ${connected.reason}`);
      return;
    }
    session = connected.session;
    log.add('connects', machine.name, version === currentVersion ? '' : 'with an old version');
    void work(connected.session);
  }

  async function work(session: RunnerSession): Promise<void> {
    const job = await session.nextJob();
    if (isOver) return;
    if (job === 'gone') {
      endSoon('GitHub has removed its registration');
      return;
    }
    let isFinished = false;
    const finish = (conclusion: 'success' | 'failure' | 'cancelled'): void => {
      if (isFinished) return;
      isFinished = true;
      session.finish(conclusion);
      if (mischief.happens('hang')) log.add('hangs', machine.name);
      else if (machine.key !== null && conclusion !== 'cancelled') cleanThenAskAgain();
      else endSoon('its job is done');
    };
    session.onCancel(() => {
      if (mischief.happens('cancelIgnored')) log.add('goes on though its job is cancelled', machine.name);
      else later(1 + random.int(cancelMsMax), () => finish('cancelled'));
    });
    later(Math.max(1, job.durationMs), () => finish(job.outcome));
  }

  /** It works for one runner after another: what the job left goes, and it asks what to do next. */
  function cleanThenAskAgain(): void {
    later(1 + random.int(cleanMsMax), () => {
      log.add('is cleaned', machine.name);
      askForConfiguration(clock.now() + claimPatienceMs, true);
    });
  }

  function endSoon(cause: string): void {
    later(1 + random.int(endMsMax), () => end(cause));
  }
}
