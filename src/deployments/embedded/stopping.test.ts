import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { stopOnSignals } from './stopping.ts';

function start(stop: () => Promise<void>) {
  const clock = createVirtualClock(Date.UTC(2026, 10, 24));
  const signals = new EventEmitter();
  const statuses: number[] = [];
  const said: string[] = [];
  const on = (signal: string, listener: () => void) => signals.on(signal, listener);
  stopOnSignals(
    { clock, stop, say: (text) => said.push(text) },
    { on, exit: (status) => statuses.push(status) },
  );
  return { clock, signal: (name: string) => signals.emit(name), statuses, said };
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  test(`${name} ends it cleanly`, async () => {
    const { signal, statuses, said } = start(async () => {});
    signal(name);
    await Promise.resolve();
    assert.deepEqual(statuses, [0]);
    assert.deepEqual(said, ['Stopping. Once more ends it at once.']);
  });
}

test('a second signal ends it at once', async () => {
  const { clock, signal, statuses } = start(() => new Promise(() => {}));
  signal('SIGINT');
  await clock.advance(1_000);
  signal('SIGINT');
  assert.deepEqual(statuses, [130]);
});

test('a signal that comes twice, by make and by who ended the group, is one wish', async () => {
  const stopped = Promise.withResolvers<void>();
  const { signal, statuses, said } = start(() => stopped.promise);
  signal('SIGTERM');
  signal('SIGTERM');
  assert.deepEqual(statuses, []);
  stopped.resolve();
  await Promise.resolve();
  assert.deepEqual(statuses, [0]);
  assert.equal(said.length, 1);
});

test('a stop that fails is told, and ends it all the same', async () => {
  const { signal, statuses, said } = start(() => Promise.reject(new Error('the disk is full')));
  signal('SIGINT');
  await Promise.resolve();
  assert.deepEqual(statuses, [1]);
  assert.match(said[1] ?? '', /the disk is full/);
});
