import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import { invocation } from './invocation.ts';

function world(work: (clock: ReturnType<typeof createVirtualClock>) => Promise<string>, leftMs = 10_000) {
  const clock = createVirtualClock(0);
  const told: string[] = [];
  const telemetry = {
    ...createRecorder(),
    begin: (id: string) => void told.push(`begin ${id}`),
    flush: () => void told.push(`flush at ${clock.now()}`),
  };
  const handler = invocation({ clock, telemetry }, () => work(clock));
  const context = { awsRequestId: 'r1', getRemainingTimeInMillis: () => leftMs };
  return { clock, told, telemetry, run: () => handler({}, context), handler };
}

describe('an invocation', () => {
  it('gives what its work gives, and then tells what was counted', async () => {
    const { run, told, clock } = world(async () => 'answer');
    assert.equal(await run(), 'answer');
    assert.deepEqual(told, ['begin r1', 'flush at 0']);
    assert.equal(clock.pending(), 0, 'no timer is left, which would keep the next one waiting');
  });

  it('that fails says why, tells what was counted, and fails', async () => {
    const { run, told, telemetry } = world(() => Promise.reject(new Error('no table')));
    await assert.rejects(run(), /no table/);
    assert.deepEqual(told, ['begin r1', 'flush at 0']);
    assert.match(JSON.stringify(telemetry.logs()), /an invocation failed.*no table/);
  });

  it('that would be killed fails a moment before, and says so', async () => {
    const { run, told, clock } = world((clock) => clock.sleep(60_000).then(() => 'late'));
    const failed = assert.rejects(run(), /not done within 9600 ms/);
    await clock.advance(9_600);
    await failed;
    assert.deepEqual(told, ['begin r1', 'flush at 9600']);
  });

  it('runs without a context, as nothing would kill it', async () => {
    assert.equal(await world(async () => 'answer').handler({}), 'answer');
  });
});
