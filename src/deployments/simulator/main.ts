// `make simulate`: many seeds on all cores, or one of them again with its timeline.
//
//   SEEDS=1000 make simulate              seeds 1 to 1000, or from FROM on
//   FAULTS=crash SEEDS=50 make simulate   one profile alone
//   SEED=42 make simulate                 that seed again, exactly
//   SCENARIO=lost-completed make simulate   a fixed story, with its timeline; SCENARIO=all names and plays every one
//   JOBS=50                               jobs of a storm
//   WORKERS=1                             threads; one for each core where it is not said

import { availableParallelism } from 'node:os';
import { type Campaign, type Outcome, runCampaign, type Task, tasksOf } from './campaign.ts';
import { chooseFaults, profileOfSeed } from './faults.ts';
import { outcomeOf, simulate } from './outcome.ts';
import { createProgress } from './progress.ts';
import { isScenarioName, scenarioNames, tellScenarios } from './scenarios/tell.ts';
import { shrink } from './shrink.ts';
import { jobsDefault } from './simulation.ts';
import { createSummary } from './summary.ts';
import { timelineOf } from './timeline.ts';

const seedsDefault = 200;
/** Failures whose story is told; the rest is counted. */
const failuresShown = 3;
const violationsShown = 5;
const interrupted = 130;

// Whoever reads only the beginning of it (`| head`) wants no more.
process.stdout.on('error', () => process.exit(0));

const terms = readTerms(process.env);
if (terms.scenario !== null) process.exitCode = await tellScenarios(terms.scenario, print);
else process.exitCode = terms.seed === null ? await campaign() : await replay(taskOf(terms.seed));

async function campaign(): Promise<number> {
  const summary = createSummary();
  const progress = createProgress(terms.seeds, process.stdout);
  const startedAt = performance.now();
  const seeds = { from: terms.from, count: terms.seeds };
  const run: Campaign = runCampaign(tasksOf(seeds, faultsOf, terms.jobs), terms.workers, (outcome) => {
    summary.add(outcome);
    if (outcome.violation) progress.say(failureLine(outcome));
    progress.advance(summary.failures().length);
  });
  let isInterrupted = false;
  process.once('SIGINT', () => {
    isInterrupted = true;
    void run.stop().then(() => finish());
  });
  await run.done;
  return isInterrupted ? interrupted : finish();

  async function finish(): Promise<number> {
    progress.end();
    print('', ...summary.lines(performance.now() - startedAt));
    const missed = isInterrupted ? [] : summary.missed();
    if (missed.length > 0) print('', 'Aims that were missed:', ...missed.map((text) => `  ${text}`));
    if (isInterrupted) process.exit(interrupted);
    for (const failure of summary.failures().slice(0, failuresShown)) await tell(failure);
    return summary.failures().length + missed.length > 0 ? 1 : 0;
  }
}

/** A failure made small, with the command that replays it. */
async function tell(failure: Outcome): Promise<void> {
  print('', `${failureLine(failure)}: made smaller …`);
  const smallest = await shrink(failure, outcomeOf, () => {});
  await replay(smallest);
  print('', `To see it again: ${commandOf(smallest)}`);
}

async function replay(task: Task): Promise<number> {
  const result = await simulate(task);
  const injected = [...result.injected].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none';
  print(
    '',
    `seed ${task.seed}, ${result.profile}: ${result.jobs} jobs, ${Math.round(result.virtualMs / 60_000)} virtual minutes, hash ${result.hash}`,
    `faults: ${injected}`,
  );
  if (result.violations.length === 0) {
    print('No checker found anything.');
    return 0;
  }
  for (const { checker, text } of result.violations.slice(0, violationsShown)) print(`${checker}: ${text}`);
  print('', ...timelineOf(result));
  return 1;
}

function failureLine({ task, violation }: Outcome): string {
  return `seed ${task.seed} (${task.faults}) ${violation?.checker}: ${violation?.text}`;
}

function commandOf({ seed, faults, jobs }: Task): string {
  return `SEED=${seed} FAULTS=${faults} JOBS=${jobs} make simulate`;
}

function faultsOf(seed: number): string {
  return terms.faults ?? profileOfSeed(seed);
}

function taskOf(seed: number): Task {
  return { seed, faults: faultsOf(seed), jobs: terms.jobs };
}

function print(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

// ---- The environment

interface Terms {
  scenario: string | null;
  seed: number | null;
  seeds: number;
  from: number;
  faults: string | null;
  jobs: number;
  workers: number;
}

function readTerms(environment: NodeJS.ProcessEnv): Terms {
  const problems: string[] = [];
  const whole = (name: string, otherwise: number, max: number): number => {
    const text = environment[name];
    if (text === undefined || text === '') return otherwise;
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    problems.push(`${name} is "${text}"; it has to be a whole number from 1 to ${max}`);
    return otherwise;
  };
  const faults = environment['FAULTS'] || null;
  const choice = faults === null ? null : chooseFaults(faults);
  if (choice && 'problem' in choice) problems.push(choice.problem);
  const scenario = environment['SCENARIO'] || null;
  if (scenario !== null && !isScenarioName(scenario))
    problems.push(`SCENARIO is "${scenario}"; it has to be "all", or one of ${scenarioNames.join(', ')}`);
  const read: Terms = {
    scenario,
    seed: environment['SEED'] ? whole('SEED', 1, Number.MAX_SAFE_INTEGER) : null,
    seeds: whole('SEEDS', seedsDefault, 100_000_000),
    from: whole('FROM', 1, Number.MAX_SAFE_INTEGER / 2),
    faults,
    jobs: whole('JOBS', jobsDefault, 10_000),
    workers: whole('WORKERS', availableParallelism(), 256),
  };
  if (problems.length > 0) {
    process.stderr.write(`${problems.join('\n')}\n`);
    process.exit(2);
  }
  return read;
}
