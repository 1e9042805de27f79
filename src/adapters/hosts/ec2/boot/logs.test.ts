// The script of Linux ships its logs, signed by curl itself, to a stand-in that checks the signature.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createLogsStandIn, type LogsStandIn, profile } from './testing-logs.ts';
import { type BootMachine, type DoorAnswer, makeBootMachine } from './testing-machine.ts';

const group = '/github-runners/runners/ec2';
const name = 'own1-ec2-build-00000000000000000000000001';
const granted = { status: 200, body: { jitConfig: 'abc', traceparent: '' } };
const lines = (count: number) => Array.from({ length: count }, (_, at) => `line ${at}`);

/** Its job takes as long as it takes the condition to come true. */
async function onMachine(
  standIn: LogsStandIn,
  run: (machine: BootMachine) => Promise<void>,
  claim: () => DoorAnswer = () => granted,
): Promise<void> {
  const path = process.env['PATH'] ?? '';
  const machine = await makeBootMachine({ path, claim, logs: { group, standIn } });
  try {
    mkdirSync(join(machine.runnerFolder, '_diag'), { recursive: true });
    machine.writeRunner('#!/bin/sh\ntrue\n');
    machine.writeJournal('');
    await run(machine);
  } finally {
    await machine.close();
  }
}

describe('a machine that ships its logs', { concurrency: 4 }, () => {
  test('sends its console and the diagnostics of the runner, each line once, under its own name', () => {
    const standIn = createLogsStandIn();
    return onMachine(standIn, async (machine) => {
      machine.writeJournal('a "quoted" \\ line\n\ngr\u00fcn\tand \u001b[31mred\u001b[0m & more\n');
      writeFileSync(join(machine.runnerFolder, '_diag', 'Runner_1.log'), `${lines(3).join('\n')}\n`);
      const { output } = await machine.boot('run');
      assert.deepEqual(
        [...standIn.streams],
        [
          [`${group} ${name}/console`, ['a "quoted" \\ line', ' ', 'gr\u00fcn and [31mred[0m & more']],
          [`${group} ${name}/diag`, lines(3)],
        ],
        [output, ...standIn.refusals].join('\n'),
      );
      assert.deepEqual(machine.calls('shutdown'), ['-P now']);
    });
  });

  test('sends while the job runs, and shows its credentials to no list of processes', () => {
    const standIn = createLogsStandIn();
    return onMachine(standIn, async (machine) => {
      const seen = join(machine.folder, 'seen');
      const diag = join(machine.runnerFolder, '_diag', 'Worker_1.log');
      // It goes on once somebody has read what it wrote: a job that waits for its own log.
      machine.writeRunner(
        `#!/bin/sh
echo 'from the job' >>'${diag}'
while [ ! -e '${join(machine.folder, 'go-on')}' ]; do
  cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' >>'${seen}'
done
`,
      );
      const booted = machine.boot('run');
      const stream = () => standIn.streams.get(`${group} ${name}/diag`) ?? [];
      while (!stream().includes('from the job')) await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(join(machine.folder, 'go-on'), '');
      await booted;
      const processes = readFileSync(seen, 'utf8');
      assert.match(processes, /curl .*--aws-sigv4/);
      for (const secret of [profile.SecretAccessKey, profile.Token])
        assert.equal(processes.includes(secret), false);
    });
  });

  test('sends more than a call takes in several, and what was refused again', () => {
    let puts = 0;
    const standIn = createLogsStandIn(
      (target) => target.endsWith('PutLogEvents') && (puts++ === 0 || puts === 3),
    );
    return onMachine(standIn, async (machine) => {
      const long = 'x'.repeat(300_000);
      const text = [...lines(6_000), long, 'last'].join('\n');
      writeFileSync(join(machine.runnerFolder, '_diag', 'Runner_1.log'), `${text}\n`);
      // Those that are refused are asked again while the job goes on.
      const all = () => (standIn.streams.get(`${group} ${name}/diag`) ?? []).join('');
      machine.writeRunner(`#!/bin/sh\nwhile [ ! -e '${join(machine.folder, 'go-on')}' ]; do :; done\n`);
      const booted = machine.boot('run');
      while (!all().endsWith('last')) await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(join(machine.folder, 'go-on'), '');
      await booted;
      assert.equal(all(), [...lines(6_000), long, 'last'].join(''));
      // It asks for its stream again too, which is there by then.
      const refusals = standIn.refusals.filter((why) => !why.startsWith('ResourceAlreadyExists'));
      assert.deepEqual(refusals, ['throttled', 'throttled']);
    });
  });

  test('sends what it has said where it never came to a job, and ends all the same where nobody takes it', async () => {
    const standIn = createLogsStandIn();
    const deaf = createLogsStandIn(() => true);
    const unwanted = () => ({ status: 410 });
    await Promise.all([
      onMachine(
        standIn,
        async (machine) => {
          machine.writeJournal('this machine is not wanted any more\n');
          await machine.boot('run');
          assert.deepEqual(standIn.streams.get(`${group} ${name}/console`), [
            'this machine is not wanted any more',
          ]);
          assert.deepEqual(machine.calls('shutdown'), ['-P now']);
        },
        unwanted,
      ),
      onMachine(
        deaf,
        async (machine) => {
          machine.writeJournal('unheard\n');
          await machine.boot('run');
          assert.deepEqual(machine.calls('shutdown'), ['-P now']);
        },
        unwanted,
      ),
    ]);
  });
});
