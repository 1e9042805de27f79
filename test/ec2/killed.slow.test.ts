// The process is killed while EC2 has ten of its launches: each was done and not answered, or did not even arrive. It is
// started again on the same table. Time is real, and some times faster, for all alike.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import { tagKeys } from '../../src/adapters/hosts/ec2/tags.ts';
import { type Fate, startEc2StandIn } from '../../src/adapters/hosts/ec2/testing/server.ts';
import { subnets, template } from '../../src/adapters/hosts/ec2/testing.ts';
import { appId, appKeys, startGitHub, until } from '../end-to-end/harness.ts';
import { createFastClock } from './fast-clock.ts';
import { createSigner } from './identity.ts';
import { createMachine, type Machine } from './machine.ts';
import type { ProcessSettings } from './process.ts';
import type { Traffic } from './standing-time.ts';
import { webhookSecret } from './wiring.ts';

const program = fileURLToPath(new URL('process.ts', import.meta.url));
const labels = ['self-hosted', 'linux'];
const launches = 10;
const times = 15;
/** Whatever is going on on this machine meanwhile. */
const patienceMs = 100_000;

describe('killed while EC2 has ten of its launches', () => {
  test('done, and not answered: no machine more than jobs', () =>
    play(
      (release) => ({ hold: release }),
      ({ machines, perName }) => {
        assert.equal(machines, launches);
        assert.equal(perName, 1);
      },
    ));

  test('lost on the way: launched after it is past doubt, no machine more than jobs', () =>
    play(
      () => 'drop',
      ({ machines, perName }) => {
        assert.equal(machines, launches);
        assert.equal(perName, 1);
      },
    ));
});

async function play(
  fateOf: (release: Promise<void>) => Fate,
  see: (outcome: { machines: number; perName: number }) => void,
): Promise<void> {
  const pace = { beganAt: createSystemClock().now(), times };
  const clock = createFastClock(pace);
  const gitHub = await startGitHub({ clock, app: { webhookSecret } });
  const signer = createSigner();
  const folder = mkdtempSync(join(tmpdir(), 'runners-ec2-'));
  const machines = new Map<string, Machine>();
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let called = 0;
  const standIn = await startEc2StandIn({
    clock,
    subnets,
    templates: [template],
    visibleAfterMs: 2_000,
    pendingMs: 5_000,
    endingMs: 15_000,
    fate({ action }) {
      if (action !== 'CreateFleet') return 'pass';
      called += 1;
      return called <= launches ? fateOf(released) : 'pass';
    },
    onEvent({ detail, 'detail-type': type }) {
      const instance = standIn.cloud.instances.get(detail['instance-id'] ?? '');
      if (!instance || !type.includes('State-change')) return;
      const machine =
        machines.get(instance.id) ??
        createMachine(
          {
            clock,
            traffic: untimed,
            signer,
            world: gitHub.world,
            shutDown: (one) => standIn.cloud.shutDown(one),
            bootMs: 20_000,
            isReused: () => false,
          },
          instance,
        );
      machines.set(instance.id, machine);
      if (instance.state === 'running') machine.boot();
      else machine.halt();
    },
  });
  const settings: ProcessSettings = {
    pace,
    configuration: {
      hosts: {
        cloud: {
          type: 'ec2',
          limit: launches,
          launchBurst: launches,
          options: { identityCertificate: signer.certificate },
        },
      },
      pools: {
        linux: {
          host: 'cloud',
          os: 'linux',
          labels,
          limit: launches,
          machine: { instanceTypes: ['m7i.large'] },
        },
      },
    },
    folder,
    gitHub: { url: gitHub.url, appId, privateKey: appKeys.privateKey },
    ec2Endpoint: standIn.endpoint,
    templates: { linux: `${template.id}:1` },
    port: 0,
  };
  const started: ChildProcess[] = [];
  const start = async (port: number): Promise<string> => {
    const { child, url } = await startProcess({ ...settings, port });
    started.push(child);
    gitHub.setWebhookUrl(`${url}/webhooks/github`);
    return url;
  };
  try {
    const url = await start(0);
    const run = gitHub.world.startRun('acme/app', {
      name: 'ci',
      jobs: [{ name: 'm', labels, matrix: launches, failFast: false, durationMs: 60_000 }],
    });
    await until('ten launches are with EC2', () => called >= launches, patienceMs);
    await kill(started[0]);
    release();
    await start(Number(new URL(url).port));
    await until('all jobs have ended', () => run.status === 'completed', patienceMs);
    assert.equal(run.conclusion, 'success');
    const isOver = (): boolean =>
      [...standIn.cloud.instances.values()].every(({ state }) => state === 'terminated') &&
      [...gitHub.world.state.runners.values()].every(({ phase }) => phase === 'gone');
    await until('nothing is left', isOver, patienceMs);
    const all = [...standIn.cloud.instances.values()];
    const names = Map.groupBy(all, ({ tags }) => tags.get(tagKeys.name));
    see({ machines: all.length, perName: Math.max(...[...names.values()].map((alike) => alike.length)) });
  } finally {
    for (const child of started) await kill(child);
    for (const machine of machines.values()) machine.halt();
    await standIn.close();
    await gitHub.close();
    signer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Real time waits for nobody. */
const untimed: Traffic = {
  during: (work) => work(),
  waitsFor: async (time) => void (await time),
  quiet: () => Promise.resolve(),
};

async function startProcess(settings: ProcessSettings): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(execPath, [program], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    for (const output of [child.stdout, child.stderr])
      output.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const place = /serves at (\S+)/.exec(said)?.[1];
        if (place) resolve(place);
      });
    child.once('exit', (status) => reject(new Error(`it ended with ${status}: ${said}`)));
    child.stdin.end(JSON.stringify(settings));
  });
  return { child, url };
}

/** SIGKILL: nothing is tidied up. */
async function kill(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
