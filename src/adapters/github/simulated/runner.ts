#!/usr/bin/env node
// The stand-in runner: a program that behaves towards the simulated GitHub, and towards whoever starts it, as
// GitHub's own runner does. It runs a job's steps for real. Not for use with GitHub itself.
//
//   ACTIONS_RUNNER_INPUT_JITCONFIG=… node runner.ts       or: node runner.ts --jitconfig …
//
// As the real one: the configuration leaves the environment before any step runs; `.runner` and the credentials
// are written into the working root; it takes one job; SIGTERM cancels the job, reports and ends; and it exits
// with 0 nearly always, so that its exit code says nothing about the job.
//
// It has to start within a blink, so it imports nothing but what Node brings.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join, resolve } from 'node:path';

const version = '2.336.0';
/** Attempts of one request before GitHub counts as out of reach; the pauses double from the first. */
const attemptsMax = 6;
const firstPauseMs = 250;
/** Above the long poll's 50 s. */
const requestTimeoutMs = 60_000;
/** Between the request to stop and the end of a step: as GitHub's 7.5 s after its interrupt. */
const stepGraceMs = 7_500;

interface JobMessage {
  id: number;
  runId: number;
  runAttempt: number;
  name: string;
  workflow: string;
  repository: string;
  branch: string;
  headSha: string;
  matrixIndex: number;
  steps: { name: string; run: string; continueOnError?: boolean; env?: Record<string, string> }[];
}

type Message = { type: 'job'; job: JobMessage } | { type: 'cancel' | 'gone' | 'none' };
type Conclusion = 'success' | 'failure' | 'cancelled';

interface Step {
  name: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: Conclusion | 'skipped' | null;
  number: number;
  startedAt: number | null;
  completedAt: number | null;
}

/** Codes of the real listener that are not 0; run.sh hides most of them. */
const exitTerminated = 1;

const agent = new Agent({ keepAlive: true });
let session: Session | null = null;
let running: ChildProcess | null = null;
let stopReason: 'cancelled' | 'terminated' | null = null;

const jitConfig = takeJitConfig();
const environment: NodeJS.ProcessEnv = { ...process.env };
/** Out of the environment before anything is started that would inherit it. */
function takeJitConfig(): string {
  const flag = process.argv.indexOf('--jitconfig');
  const given = flag >= 0 ? process.argv[flag + 1] : process.env['ACTIONS_RUNNER_INPUT_JITCONFIG'];
  delete process.env['ACTIONS_RUNNER_INPUT_JITCONFIG'];
  return given ?? '';
}

async function main(root: string): Promise<number> {
  const server = unpack(root);
  if (server === null) {
    log(
      'The just-in-time configuration is missing or can not be read: give it as ACTIONS_RUNNER_INPUT_JITCONFIG',
    );
    return exitTerminated;
  }
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop('terminated'));
  session = await connect(server);
  if (!session) return 0;
  const job = await nextJob(session);
  if (job) await runJob(session, job, root);
  log('Exiting');
  return 0;
}

// ---- Files

/** Writes the configuration's files into the root, as the listener does; the server's address, or null. */
function unpack(root: string): string | null {
  try {
    const files: Record<string, string> = JSON.parse(Buffer.from(jitConfig, 'base64').toString());
    mkdirSync(root, { recursive: true });
    for (const name of ['.runner', '.credentials', '.credentials_rsaparams']) {
      writeFileSync(join(root, name), Buffer.from(files[name] ?? '', 'base64'), { mode: 0o600 });
    }
    const { ServerUrl } = JSON.parse(Buffer.from(files['.runner'] ?? '', 'base64').toString());
    return typeof ServerUrl === 'string' ? ServerUrl : null;
  } catch {
    return null;
  }
}

// ---- GitHub

interface Session {
  url: string;
  /** Ends the open long poll. */
  abort: AbortController;
}

async function connect(server: string): Promise<Session | null> {
  const url = `${server}/_simulator/runner/sessions`;
  const { status, body } = await send('POST', url, { jitConfig, version, os: process.platform });
  if (status !== 201 || typeof body['sessionId'] !== 'string') {
    log(
      `Not connected: ${status} ${String(body['message'] ?? '')}. The runner no longer exists on the server`,
    );
    return null;
  }
  log(`√ Connected to GitHub (stand-in)\nListening for Jobs as ${String(body['name'])}`);
  return { url: `${url}/${body['sessionId']}`, abort: new AbortController() };
}

async function nextJob(from: Session): Promise<JobMessage | null> {
  while (stopReason === null) {
    const message = await poll(from, `${from.url}/message`);
    if (message.type === 'job') return message.job;
    if (message.type === 'gone') {
      log('The runner no longer exists on the server');
      return null;
    }
  }
  return null;
}

/** While a job runs: waits for its cancellation, and keeps the session alive by asking. */
async function watchForCancel(from: Session, job: JobMessage): Promise<void> {
  while (!from.abort.signal.aborted && stopReason === null) {
    const message = await poll(from, `${from.url}/message?job=${job.id}`);
    if (message.type === 'cancel') stop('cancelled');
    if (message.type === 'gone') return;
  }
}

async function poll({ abort }: Session, url: string): Promise<Message> {
  const { status, body } = await send('GET', url, null, abort.signal);
  if (status !== 200) return { type: abort.signal.aborted ? 'none' : 'gone' };
  return body as unknown as Message;
}

interface HttpAnswer {
  /** 0: no answer, after all attempts. */
  status: number;
  body: Record<string, unknown>;
}

async function send(
  method: string,
  url: string,
  payload: unknown,
  signal?: AbortSignal,
): Promise<HttpAnswer> {
  for (let attempt = 1, pauseMs = firstPauseMs; attempt <= attemptsMax; attempt += 1, pauseMs *= 2) {
    const answer = await sendOnce(method, url, payload, signal).catch(() => null);
    if (answer && answer.status < 500) return answer;
    if (signal?.aborted || stopReason === 'terminated') break;
    await new Promise((wake) => setTimeout(wake, pauseMs));
  }
  return { status: 0, body: {} };
}

function sendOnce(method: string, url: string, payload: unknown, signal?: AbortSignal): Promise<HttpAnswer> {
  return new Promise((done, fail) => {
    const outgoing = request(
      url,
      {
        method,
        agent,
        timeout: requestTimeoutMs,
        headers: { 'content-type': 'application/json' },
        ...(signal && { signal }),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', fail);
        response.on('end', () => {
          try {
            done({ status: response.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) });
          } catch (error) {
            fail(error);
          }
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('timed out')));
    outgoing.on('error', fail);
    outgoing.end(payload === null ? undefined : JSON.stringify(payload));
  });
}

// ---- The job

async function runJob({ url, abort }: Session, job: JobMessage, root: string): Promise<void> {
  log(`Running job: ${job.name}`);
  const workspace = join(root, '_work', job.repository.split('/')[1] ?? 'repository');
  mkdirSync(workspace, { recursive: true });
  const watching = watchForCancel({ url, abort }, job);
  const steps = plannedSteps(job);
  const conclusion = await runSteps(url, job, steps, workspace);
  abort.abort();
  await watching;
  rmSync(workspace, { recursive: true, force: true });
  log(`Job ${job.name} completed with result: ${resultWords[conclusion]}`);
  const ended = await sendAtTheEnd(`${url}/finish`, { conclusion, steps: steps.map(reportOf) });
  if (ended.status !== 200) log(`The result could not be reported: ${ended.status}`);
}

const resultWords: Record<Conclusion, string> = {
  success: 'Succeeded',
  failure: 'Failed',
  cancelled: 'Canceled',
};

/** A runner that is being stopped still says what became of its job: once, with no pauses. */
function sendAtTheEnd(url: string, payload: unknown): Promise<HttpAnswer> {
  if (stopReason !== 'terminated') return send('POST', url, payload);
  return sendOnce('POST', url, payload).catch(() => ({ status: 0, body: {} }));
}

interface Planned extends Step {
  run: string | null;
  continueOnError: boolean;
  env: Record<string, string>;
}

/** What stands in the job's log: GitHub puts its own steps around those of the workflow. */
function plannedSteps(job: JobMessage): Planned[] {
  const hook = environment['ACTIONS_RUNNER_HOOK_JOB_STARTED'];
  const own = (name: string, run: string | null) => ({ name, run, continueOnError: false, env: {} });
  const all = [
    own('Set up job', null),
    ...(hook ? [own('Set up runner', 'exec "$ACTIONS_RUNNER_HOOK_JOB_STARTED"')] : []),
    ...job.steps.map(({ name, run, continueOnError = false, env = {} }) => ({
      name,
      run,
      continueOnError,
      env,
    })),
    own('Complete job', null),
  ];
  return all.map((step, index) => ({
    ...step,
    number: index + 1,
    status: 'queued',
    conclusion: null,
    startedAt: null,
    completedAt: null,
  }));
}

async function runSteps(
  url: string,
  job: JobMessage,
  steps: Planned[],
  workspace: string,
): Promise<Conclusion> {
  let conclusion: Conclusion = 'success';
  for (const step of steps) {
    const isLast = step === steps.at(-1);
    if (stopReason !== null) conclusion = 'cancelled';
    if (conclusion !== 'success' && !isLast) {
      Object.assign(step, { status: 'completed', conclusion: 'skipped' });
      continue;
    }
    Object.assign(step, { status: 'in_progress', startedAt: Date.now() });
    const isOk =
      step.run === null || (await runScript(step.run, stepEnvironment(job, step, workspace), workspace));
    if (!isOk && stopReason !== null) step.conclusion = 'cancelled';
    else step.conclusion = isOk ? 'success' : 'failure';
    Object.assign(step, { status: 'completed', completedAt: Date.now() });
    if (!isOk && !step.continueOnError) conclusion = stopReason === null ? 'failure' : 'cancelled';
    if (!isLast && stopReason !== 'terminated') {
      const { body } = await send('POST', `${url}/steps`, { steps: steps.map(reportOf) });
      if (body['isCancelled'] === true) stop('cancelled');
    }
  }
  return conclusion;
}

function reportOf({ name, status, conclusion, number, startedAt, completedAt }: Step): Step {
  return { name, status, conclusion, number, startedAt, completedAt };
}

function stepEnvironment(job: JobMessage, step: Planned, workspace: string): NodeJS.ProcessEnv {
  return {
    ...environment,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_JOB: job.name,
    GITHUB_REF_NAME: job.branch,
    GITHUB_REPOSITORY: job.repository,
    GITHUB_RUN_ATTEMPT: String(job.runAttempt),
    GITHUB_RUN_ID: String(job.runId),
    GITHUB_SHA: job.headSha,
    GITHUB_WORKFLOW: job.workflow,
    GITHUB_WORKSPACE: workspace,
    MATRIX_INDEX: String(job.matrixIndex + 1),
    ...step.env,
  };
}

function runScript(script: string, env: NodeJS.ProcessEnv, cwd: string): Promise<boolean> {
  return new Promise((done) => {
    const child = spawn('sh', ['-e', '-c', script], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] });
    running = child;
    child.on('error', () => done(false));
    child.on('exit', (code) => {
      running = null;
      done(code === 0);
    });
    if (stopReason !== null) interrupt(child);
  });
}

function stop(reason: 'cancelled' | 'terminated'): void {
  if (stopReason === 'terminated') return;
  stopReason = reason;
  log(reason === 'cancelled' ? 'The job was cancelled' : 'Terminated: the job is cancelled');
  if (reason === 'terminated') session?.abort.abort();
  if (running) interrupt(running);
}

/** The step and all that it started, which stay in the runner's own group so that a host can end them with it. */
function interrupt(child: ChildProcess): void {
  const family = child.pid === undefined ? [] : [child.pid, ...descendantsOf(child.pid)];
  for (const pid of family) sendSignal(pid, 'SIGTERM');
  const killer = setTimeout(() => {
    if (running === child) for (const pid of family) sendSignal(pid, 'SIGKILL');
  }, stepGraceMs);
  child.once('exit', () => clearTimeout(killer));
}

function descendantsOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = (stdout ?? '').split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found) {
    for (const [child, itsParent] of pairs) if (child && itsParent === parent) found.push(child);
  }
  return found.slice(1);
}

function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended at this moment.
  }
}

function log(text: string): void {
  for (const line of text.split('\n')) process.stdout.write(`${new Date().toISOString()}: ${line}\n`);
}

process.exitCode = await main(resolve(environment['RUNNER_WORK_DIR'] ?? process.cwd()));
agent.destroy();
