// Without an App there is no GitHub to serve, so the system shows itself at work beside a simulated one: real
// webhooks, real processes, real limits, in about half a minute. Then it goes on serving, for whoever wants to try.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { createGitHubApp } from '../../../adapters/github/app/index.ts';
import { type SimulatedGitHub, startSimulatedGitHub } from '../../../adapters/github/simulated/server.ts';
import type { Job } from '../../../adapters/github/simulated/state.ts';
import { allTelemetry } from '../../../adapters/telemetry/all.ts';
import { printable } from '../../../adapters/telemetry/printable.ts';
import { createRecorder, type Recorder } from '../../../adapters/telemetry/recorder/index.ts';
import type { Environment } from '../../../config/environment.ts';
import { gitHubName, type RunnerName } from '../../../core/ids.ts';
import { alivePool } from '../../../core/ledger.ts';
import { createOperator } from '../../../flow/operator/operator.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';
import { gitHubMetrics } from '../../metrics.ts';
import { type Running, run } from '../run.ts';
import { stopOnSignals } from '../stopping.ts';
import { demoConfiguration, demoOwner, demoRepository } from './configuration.ts';
import { type LookDeps, look, type Seen } from './look.ts';
import { openScreen, type Screen } from './screen.ts';
import { tellStory } from './story.ts';
import { isNothing, type LeftOver, summaryLines } from './summary.ts';
import { viewLines } from './view.ts';

export interface DemoDeps {
  environment: Environment;
  /** The data directory is the one that was asked for, and not to be removed. */
  isDirectoryGiven: boolean;
  mayColour: boolean;
  clock: Clock;
  random: Random;
}

const appId = 1;
/** A frame is a few reads of the table; more often nobody could see it. */
const frameMs = 250;
/** In a log, a line about the whole comes so often. */
const logMs = 3_000;
const eventsKept = 200;
/** After the last job its runner ends, and the surplus is released: the idle time and a look of the host. */
const settleMsMax = 20_000;
const lookMs = 200;

export async function showDemo({
  environment,
  isDirectoryGiven,
  mayColour,
  clock,
  random,
}: DemoDeps): Promise<void> {
  let started: Promise<Started> | null = null;
  let show: Shown | null = null;
  let isStopping = false;
  const stop = stopOnSignals({
    clock,
    say: (text) => {
      show?.end();
      say(text);
    },
    stop: async () => {
      isStopping = true;
      const begun = await started?.catch(() => null);
      if (begun) await end(begun);
    },
  });
  // Nobody looks any more, as with `make start | head`: then it has nothing to show.
  stdout.once('error', stop);
  stdout.on('error', () => {});

  const dataDirectory = isDirectoryGiven
    ? environment.dataDirectory
    : await mkdtemp(join(tmpdir(), 'runners-demo-'));
  const removeData = () =>
    isDirectoryGiven ? Promise.resolve() : rm(dataDirectory, { recursive: true, force: true });
  const startedAt = clock.now();
  const journal = createJournal(() => clock.now() - startedAt);
  const configuration = demoConfiguration();
  const webhookSecret = randomBytes(32).toString('hex');
  // A simulated GitHub counts its jobs from the same number each time, so each has a name of its own in the table.
  const name = gitHubName(`${randomBytes(4).toString('hex')}.simulated`);
  const recorder = createRecorder();
  const telemetry = allTelemetry([recorder, journal.telemetry]);
  const controlKey = randomBytes(16).toString('hex');
  started = start();
  const { running, gitHub } = await started;
  if (isStopping) return;
  gitHub.setWebhookUrl(`${running.server.url}/webhooks/github`);

  const deps: LookDeps = {
    world: gitHub.world,
    operator: createOperator({ clock, table: running.table, configuration, gitHubName: name }),
  };
  const places = {
    webhooks: `${running.server.url}/webhooks/github`,
    gitHub: gitHub.url,
    control: `${gitHub.url}/_simulator/runs?key=${controlKey}`,
    dataDirectory,
  };
  show = stdout.isTTY
    ? showOnScreen({ deps, journal, places, mayColour, clock, startedAt })
    : showAsLog({ deps, journal, places, clock });

  const story = tellStory(gitHub.world, clock, journal.event);
  await story.over;
  const elapsedMs = clock.now() - startedAt;
  const left = await settled(running, gitHub, dataDirectory, clock);
  show.end();
  const jobs = story.runs().flatMap((each) => each.jobs);
  say('');
  for (const line of summaryLines({ jobs, elapsedMs, left, ...used(recorder) })) say(line);
  say('');
  for (const line of afterwards(places, isDirectoryGiven)) say(line);
  journal.listen((line) => say(line));

  async function start(): Promise<Started> {
    const { gitHub, privateKey } = await startGitHub({
      webhookSecret,
      controlKey,
      clock,
      random,
      onJob: journal.job,
    });
    try {
      const running = await run({
        traces: environment.tracing,
        configuration,
        gitHubName: name,
        github: createGitHubApp({
          appId: String(appId),
          privateKey,
          apiUrl: gitHub.url,
          clock,
          random,
          onRequest: ({ route, status }) =>
            telemetry.count(gitHubMetrics.requests, { route, status: String(status) }),
        }),
        webhookSecrets: [webhookSecret],
        dataDirectory,
        publicUrl: null,
        clock,
        random,
        telemetry,
        host: environment.host,
        port: environment.port,
      });
      return { running, gitHub };
    } catch (error) {
      await gitHub.close();
      await removeData();
      throw error;
    }
  }

  async function end({ running, gitHub }: Started): Promise<void> {
    show?.end();
    await running.stop(() => endRunners(running, clock));
    await gitHub.close();
    await removeData();
    say(isDirectoryGiven ? `Stopped. Its data is in ${dataDirectory}.` : 'Stopped, and its data is removed.');
  }
}

interface Started {
  running: Running;
  gitHub: SimulatedGitHub;
}

function say(text: string): void {
  stdout.write(`${text}\n`);
}

function afterwards(
  { webhooks, control, dataDirectory }: { webhooks: string; control: string; dataDirectory: string },
  isDirectoryGiven: boolean,
): string[] {
  const again = `{"repository": "${demoRepository}", "demo": "matrix"}`;
  return [
    `It goes on serving ${webhooks} until Ctrl-C. Start more jobs with:`,
    `  curl -d '${again}' '${control}'`,
    `Data and the runners' logs are in ${dataDirectory}${isDirectoryGiven ? '' : ' until then'}.`,
    'To serve a real GitHub, set GITHUB_APP_ID and what else .env.example names, and describe your pools in runners.config.ts.',
  ];
}

function used(recorder: Recorder): { runnersUsed: number; registrations: number } {
  const minted = ['orgs/{org}', 'repos/{owner}/{repo}'].map((scope) =>
    recorder.counted(gitHubMetrics.requests, {
      route: `POST /${scope}/actions/runners/generate-jitconfig`,
      status: '201',
    }),
  );
  return {
    runnersUsed: recorder.counted('orchestrator_launches_total', { outcome: 'launched' }),
    registrations: minted.reduce((sum, count) => sum + count, 0),
  };
}

async function startGitHub({
  webhookSecret,
  controlKey,
  clock,
  random,
  onJob,
}: {
  webhookSecret: string;
  controlKey: string;
  clock: Clock;
  random: Random;
  onJob: (job: Readonly<Job>) => void;
}): Promise<{ gitHub: SimulatedGitHub; privateKey: string }> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const gitHub = await startSimulatedGitHub({
    clock,
    random,
    publicKey,
    app: { id: appId, webhookSecret },
    controlKey,
    watch: { job: onJob },
    setUp(world) {
      world.addOrganisation(demoOwner);
      world.addRepository(demoRepository);
      world.install(demoOwner);
    },
  });
  return { gitHub, privateKey };
}

// ---- What is told

type Journal = ReturnType<typeof createJournal>;

/** Events for people, by whoever shows them. */
function createJournal(elapsedMs: () => number) {
  const lines: string[] = [];
  let listener: ((line: string) => void) | null = null;
  const event = (text: string) => {
    const line = `${(elapsedMs() / 1000).toFixed(1).padStart(6)} s  ${printable(text)}`;
    lines.push(line);
    if (lines.length > eventsKept) lines.shift();
    listener?.(line);
  };
  const telemetry: Telemetry = {
    count: () => {},
    observe: () => {},
    gauge: () => {},
    log: (level, message, fields = {}) => {
      // What happens is told by GitHub's own events.
      if (level === 'debug' || level === 'info') return;
      const rest = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`);
      event([`${level}:`, message, ...rest].join(' '));
    },
  };
  return {
    event,
    telemetry,
    lines: (): readonly string[] => lines,
    listen: (to: (line: string) => void) => {
      listener = to;
    },
    job: (job: Readonly<Job>) => event(`${job.name}: ${describeJob(job)}`),
  };
}

function describeJob({ status, conclusion, runner, labels }: Readonly<Job>): string {
  switch (status) {
    case 'queued':
      return `queued, asks for ${labels.join(', ')}`;
    case 'waiting':
      return 'waits for an approval';
    case 'in_progress':
      return `runs on ${runner?.name}`;
    case 'completed':
      return `${conclusion}`;
    default:
      return status satisfies never;
  }
}

interface Shown {
  /** May be called again. */
  end(): void;
}

interface ShowDeps {
  deps: LookDeps;
  journal: Journal;
  places: { webhooks: string; gitHub: string; dataDirectory: string };
  clock: Clock;
}

function showOnScreen({
  deps,
  journal,
  places,
  mayColour,
  clock,
  startedAt,
}: ShowDeps & {
  mayColour: boolean;
  startedAt: number;
}): Shown {
  const screen: Screen = openScreen(stdout);
  const leave = () => screen.leave();
  process.once('exit', leave);
  const draw = (seen: Seen) => {
    const terminal = { columns: stdout.columns, rows: stdout.rows, hasColour: mayColour };
    const frame = { seen, events: journal.lines(), elapsedMs: clock.now() - startedAt, ...places };
    screen.draw(viewLines(frame, terminal));
  };
  const end = repeat(clock, frameMs, async () => draw(await look(deps)));
  return {
    end: () => {
      end();
      leave();
    },
  };
}

function showAsLog({ deps, journal, places, clock }: ShowDeps): Shown {
  say(
    'No GITHUB_APP_ID is set: this is a demo beside a simulated GitHub. Jobs run for real, in processes of this machine.',
  );
  say(`Webhooks go to ${places.webhooks}, GitHub is ${places.gitHub}, data is in ${places.dataDirectory}.`);
  journal.listen(say);
  const end = repeat(clock, logMs, async () => {
    const { jobs, pools, waits } = await look(deps);
    const states = `${jobs.queued} queued, ${jobs.running} running, ${jobs.succeeded + jobs.failed + jobs.otherEnds} ended`;
    journal.event(
      `[ ${states} · ${pools.map(({ name, runners, limit }) => `${name} ${alivePool(runners)} of ${limit}`).join(' · ')} ]`,
    );
    for (const { job, text } of waits) journal.event(`  ${job} waits: ${text}`);
  });
  return {
    end: () => {
      end();
      journal.listen(() => {});
    },
  };
}

/** One at a time, until it is ended. */
function repeat(clock: Clock, everyMs: number, work: () => Promise<void>): () => void {
  let isOver = false;
  const next = async (): Promise<void> => {
    if (isOver) return;
    // What can't be shown now is shown at the next turn; the demo goes on.
    await work().catch(() => {});
    clock.after(everyMs, () => void next());
  };
  void next();
  return () => {
    isOver = true;
  };
}

// ---- The end

async function leftOver(running: Running, gitHub: SimulatedGitHub, dataDirectory: string): Promise<LeftOver> {
  let inTable = 0;
  let processes = 0;
  for (const [name, host] of running.hosts) {
    inTable += (await running.table.runnersOfHost(name)).length;
    const machines = await host.list();
    if (machines !== 'unknown') processes += machines.filter(({ alive }) => alive).length;
  }
  return {
    atGitHub: [...gitHub.world.state.runners.values()].filter(({ phase }) => phase !== 'gone').length,
    inTable,
    processes,
    workDirectories: (await readdir(join(dataDirectory, 'runners'))).length,
  };
}

/** What is left when nothing more goes away. */
async function settled(
  running: Running,
  gitHub: SimulatedGitHub,
  dataDirectory: string,
  clock: Clock,
): Promise<LeftOver> {
  const giveUpAt = clock.now() + settleMsMax;
  for (;;) {
    const left = await leftOver(running, gitHub, dataDirectory);
    if (isNothing(left) || clock.now() >= giveUpAt) return left;
    await clock.sleep(lookMs);
  }
}

/** The simulated GitHub ends with this process, so its runners have nobody left to work for. */
async function endRunners(running: Running, clock: Clock): Promise<void> {
  const giveUpAt = clock.now() + settleMsMax;
  for (const host of running.hosts.values()) {
    for (;;) {
      const machines = await host.list();
      const alive = machines === 'unknown' ? [] : machines.filter((machine) => machine.alive);
      if (alive.length === 0 || clock.now() >= giveUpAt) break;
      for (const { name, machine } of alive) await host.terminate({ name: name as RunnerName, machine });
      await clock.sleep(lookMs);
    }
  }
}
