import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import { tellOfRefused } from './refused-webhooks.ts';

test('refused webhooks are told once a minute, others never', async () => {
  const clock = createVirtualClock(Date.UTC(2026, 10, 24));
  const telemetry = createRecorder();
  const door = tellOfRefused(
    async (status: number) => ({ status, body: { message: 'check the webhook secret' } }),
    { clock, telemetry },
  );
  assert.equal((await door(202)).status, 202);
  await door(503);
  assert.equal(telemetry.logs().length, 0);

  assert.deepEqual(await door(401), { status: 401, body: { message: 'check the webhook secret' } });
  for (let i = 0; i < 1_000; i += 1) await door(401);
  assert.equal(telemetry.logs().length, 1);
  assert.match(JSON.stringify(telemetry.logs()[0]), /refused.*check the webhook secret.*recent deliveries/);

  await clock.advance(60_000);
  await door(400);
  assert.equal(telemetry.logs().length, 2);
});
