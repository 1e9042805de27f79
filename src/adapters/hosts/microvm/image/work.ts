// What a machine does once it runs: Docker is started, the configuration is claimed, the runner takes one job. It is told
// what it has to know on the first line of its standard input; further lines say that the machine was resumed.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit, getuid, stdin } from 'node:process';
import { createInterface } from 'node:readline';
import { claim, type Wake } from './claim.ts';
import { startDocker } from './docker.ts';
import { type HookPayload, readHookBody } from './payload.ts';
import { type Places, placesFrom } from './places.ts';

const noteMsMax = 5_000;
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const places = placesFrom(argv[2]);
/** Woken by the line of a resume. */
const wake: Wake = { now: () => {} };
let isAtWork = false;
const payload = await new Promise<HookPayload | null>((resolve) => {
  let isFirst = true;
  createInterface({ input: stdin })
    .on('line', (line) => {
      if (isFirst) resolve(readHookBody(line));
      else wake.now();
      isFirst = false;
    })
    // Whoever started this is no more, so nobody would see its end. A job goes on to its own.
    .on('close', () => {
      if (!isAtWork) exit(1);
    });
});
if (!payload) exit(1);

startDocker(places);
const booted = milestone(payload, 'booted');
const granted = await claim(payload, places.pauseSeconds, wake);
isAtWork = granted !== null;
await booted;
if (granted) await runJob(payload, granted, places);
exit(granted ? 0 : 1);

/** A note for the timeline. It may fail. */
async function milestone({ claimUrl, runner, token }: HookPayload, what: string): Promise<void> {
  try {
    await fetch(claimUrl.replace(/\/claim$/, '/milestones'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ runner, token, milestone: what }),
      signal: AbortSignal.timeout(noteMsMax),
    });
  } catch (error) {
    console.error(`the note '${what}' was not taken: ${String(error)}`);
  }
}

/** The configuration goes by the environment, which the runner clears, and never by the arguments. */
async function runJob(told: HookPayload, jitConfig: string, { runnerFolder, user }: Places): Promise<void> {
  const who = userNamed(user);
  const child = spawn(join(runnerFolder, 'run.sh'), [], {
    cwd: runnerFolder,
    env: {
      PATH: path,
      LANG: 'C.UTF-8',
      HOME: who.home,
      USER: user,
      LOGNAME: user,
      ACTIONS_RUNNER_INPUT_JITCONFIG: jitConfig,
      TRACEPARENT: told.traceparent,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(getuid?.() === 0 && { uid: who.uid, gid: who.gid }),
  });
  const notes: Promise<void>[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(line);
    if (notes.length === 0 && line.includes('Listening for Jobs')) notes.push(milestone(told, 'registered'));
  });
  await new Promise<void>((resolve) => {
    child.once('error', (error) => {
      console.error(`the runner could not be started: ${error.message}`);
      resolve();
    });
    child.once('close', () => resolve());
  });
  await Promise.all([...notes, milestone(told, 'jobEnded')]);
}

function userNamed(name: string): { uid: number; gid: number; home: string } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${name}:`));
  const [, , uid, gid, , home] = line?.split(':') ?? [];
  if (home === undefined) throw new Error(`there is no user ${name} in this image`);
  return { uid: Number(uid), gid: Number(gid), home };
}
