import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { createVirtualClock } from '../../../adapters/clock/virtual/index.ts';
import { foreignAddress } from '../hook-addresses.ts';
import { reachableUrl, tryWebhook } from './webhook.ts';

const url = 'https://a1b2c3.execute-api.eu-central-1.amazonaws.com/webhooks/github';

async function trying(answers: readonly (number | Error | Response)[], stop = new AbortController()) {
  const clock = createVirtualClock(0);
  const asked: { signature: string | null; body: string }[] = [];
  const fetch: typeof globalThis.fetch = (_, init) => {
    const body = String(init?.body);
    asked.push({ signature: new Headers(init?.headers).get('x-hub-signature-256'), body });
    const answer = answers[Math.min(asked.length, answers.length) - 1] ?? 500;
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(
      answer instanceof Response ? answer.clone() : new Response(null, { status: answer }),
    );
  };
  let isDone = false;
  const tried = tryWebhook(url, 'secret', { clock, fetch, signal: stop.signal }).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await new Promise(setImmediate);
    await clock.advance(1_000);
  }
  return { tried: await tried, asked };
}

test('the webhook is tried with a ping that is signed as GitHub signs', async () => {
  const { tried, asked } = await trying([202]);
  assert.deepEqual(tried, { answered: true, isSecretTried: true });
  assert.equal(asked.length, 1);
  const wanted = createHmac('sha256', 'secret')
    .update(asked[0]?.body ?? '')
    .digest('hex');
  assert.equal(asked[0]?.signature, `sha256=${wanted}`);
});

test('one that is not there yet, or does not know its secret yet, is tried again', async () => {
  const { tried, asked } = await trying([new Error('ENOTFOUND'), 404, 401, 202]);
  assert.deepEqual(tried, { answered: true, isSecretTried: true });
  assert.equal(asked.length, 4);
});

test('one that goes on refusing is given up with its last answer, after a minute and a half', async () => {
  const { tried, asked } = await trying([401]);
  assert.ok(!tried.answered);
  assert.match(tried.why, /401.*secret/);
  assert.ok(asked.length > 20 && asked.length < 40, String(asked.length));
});

test("one that takes webhooks from GitHub's addresses alone is there, though it refuses a ping of ours", async () => {
  const body = JSON.stringify({ message: foreignAddress });
  const { tried, asked } = await trying([new Response(body, { status: 403 })]);
  assert.deepEqual(tried, { answered: true, isSecretTried: false });
  assert.equal(asked.length, 1);
  const another = await trying([new Response('{"message":"Forbidden"}', { status: 403 })]);
  assert.deepEqual(another.tried, { answered: false, why: 'it answers 403' }, "a firewall's is none of ours");
});

test('a person who does not want to wait is not made to', async () => {
  const stop = new AbortController();
  stop.abort();
  const { asked } = await trying([500], stop);
  assert.equal(asked.length, 1);
});

test('at AWS the URL is as it is; at an emulator it is where that takes it', () => {
  const aws = { region: 'eu-central-1', endpoint: null, isEmulator: false };
  assert.equal(reachableUrl(url, aws), url);
  const emulator = { region: 'us-east-1', endpoint: 'http://127.0.0.1:4566/', isEmulator: true };
  assert.equal(
    reachableUrl('http://a1b2c3.execute-api.localhost:4566/webhooks/github', emulator),
    'http://127.0.0.1:4566/_aws/execute-api/a1b2c3/$default/webhooks/github',
  );
  assert.equal(
    reachableUrl('https://runners.example.com/webhooks/github', emulator),
    'https://runners.example.com/webhooks/github',
  );
});
