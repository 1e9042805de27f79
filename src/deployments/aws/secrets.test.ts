import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import { appSecret, createSecret, webhookSecret } from './secrets.ts';

const minuteMs = 60_000;
const name = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:webhook';

function world(text: () => string) {
  const clock = createVirtualClock(0);
  const telemetry = createRecorder();
  let reads = 0;
  const fetchText = async () => {
    reads += 1;
    await Promise.resolve();
    return text();
  };
  const secret = createSecret({ fetchText, schema: webhookSecret, name, clock, telemetry });
  return { clock, telemetry, secret, reads: () => reads };
}

const stored = (current: string, previous: string | null = null) => JSON.stringify({ current, previous });

describe('a secret', () => {
  it('is read at its first use, once for all who ask at that moment, and again after five minutes', async () => {
    let text = stored('one');
    const { clock, secret, reads } = world(() => text);
    assert.equal(reads(), 0);
    const first = await Promise.all(Array.from({ length: 10 }, () => secret.read()));
    assert.deepEqual(
      first,
      first.map(() => ['one']),
    );
    assert.equal(reads(), 1);
    text = stored('two', 'one');
    await clock.advance(5 * minuteMs - 1);
    assert.deepEqual(await secret.read(), ['one']);
    await clock.advance(1);
    assert.deepEqual(await secret.read(), ['two', 'one']);
    assert.equal(reads(), 2);
  });

  it('is read early where a signature is not explained, once a minute at most', async () => {
    let text = stored('one');
    const { clock, secret, reads } = world(() => text);
    await secret.read();
    text = stored('two');
    assert.deepEqual(await secret.readAgain(), ['two'], 'a rotation works at once');
    assert.deepEqual(await secret.read(), ['two']);
    await clock.advance(minuteMs - 1);
    assert.equal(await secret.readAgain(), null);
    assert.equal(reads(), 2);
    await clock.advance(1);
    assert.deepEqual(await secret.readAgain(), ['two']);
    assert.equal(reads(), 3);
  });

  it('that can not be read again is used for an hour, which is said, and is tried once a minute', async () => {
    let isAway = false;
    const { clock, secret, reads, telemetry } = world(() => {
      if (isAway) throw new Error('throttled');
      return stored('one');
    });
    await secret.read();
    isAway = true;
    await clock.advance(5 * minuteMs);
    for (let i = 0; i < 12; i += 1) {
      assert.deepEqual(await secret.read(), ['one']);
      await clock.advance(minuteMs / 6);
    }
    assert.equal(reads(), 3);
    assert.equal(telemetry.logs().filter(({ level }) => level === 'warn').length, 2);
    assert.equal(await secret.readAgain(), null);
    await clock.advance(60 * minuteMs);
    await assert.rejects(secret.read(), /throttled/);
    isAway = false;
    assert.deepEqual(await secret.read(), ['one']);
  });

  it('that is not there yet is an error each time, and is read as soon as it is', async () => {
    let text: string | null = null;
    const { secret } = world(() => {
      if (text === null) throw new Error('ResourceNotFoundException');
      return text;
    });
    await assert.rejects(secret.read(), /ResourceNotFound/);
    text = stored('one');
    assert.deepEqual(await secret.read(), ['one']);
  });

  it('is never in an error or a log', async () => {
    for (const text of [
      'hush-hush',
      '{"current":"","previous":"hush-hush"}',
      '["hush-hush"]',
      '{"curent":"hush-hush"}',
    ]) {
      const { secret, telemetry } = world(() => text);
      await assert.rejects(secret.read(), (error: Error) => {
        assert.match(error.message, /the secret arn:.* is not what it should be .*Remedy/);
        assert.doesNotMatch(error.message, /hush/);
        return true;
      });
      await secret.readAgain();
      assert.doesNotMatch(JSON.stringify(telemetry.logs()), /hush/);
    }
  });
});

it('a webhook secret may have no previous one; an id of the App may be a number', () => {
  assert.deepEqual(webhookSecret.parse({ current: 'a' }), ['a']);
  assert.deepEqual(webhookSecret.parse({ current: 'a', previous: '' }), ['a']);
  assert.deepEqual(appSecret.parse({ appId: 42, privateKey: 'k' }), { appId: '42', privateKey: 'k' });
});
