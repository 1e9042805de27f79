import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import { startTicking } from './ticking.ts';

const tickMs = 1_000;

test('it ticks once in each interval, and one that fails does not stop it', async () => {
  const clock = createVirtualClock(0);
  const telemetry = createRecorder();
  let ticks = 0;
  const tick = async () => {
    ticks += 1;
    if (ticks === 2) throw new Error('the disk is full');
  };
  const stop = startTicking({ clock, tickMs, tick, telemetry });
  await clock.advance(3 * tickMs);
  assert.equal(ticks, 3);
  assert.equal(telemetry.logs().length, 1);
  await stop();
  await clock.advance(3 * tickMs);
  assert.equal(ticks, 3);
  assert.equal(clock.pending(), 0);
});

test('a tick that takes long is not overtaken by the next, and a stop waits for it', async () => {
  const clock = createVirtualClock(0);
  let atOnce = 0;
  let ended = 0;
  const tick = async () => {
    atOnce += 1;
    assert.equal(atOnce, 1);
    await clock.sleep(5 * tickMs);
    atOnce -= 1;
    ended += 1;
  };
  const stop = startTicking({ clock, tickMs, tick, telemetry: createRecorder() });
  await clock.advance(3 * tickMs);
  let isStopped = false;
  const stopping = stop().then(() => {
    isStopped = true;
  });
  await clock.advance(2 * tickMs);
  assert.equal(isStopped, false);
  await clock.advance(2 * tickMs);
  await stopping;
  assert.equal(ended, 1);
});
