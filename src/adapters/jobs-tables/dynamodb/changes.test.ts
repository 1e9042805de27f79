import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostName } from '../../../core/ids.ts';
import { aJobKey, aRunnerName, hostA, hostB, lint } from '../../../ports/testing.ts';
import { changesOf } from './changes.ts';
import { dirtyPartition, jobRowKey, laneRowKey, ledgerRowKey, runnerRowKey, shards } from './schema.ts';

const job = jobRowKey(aJobKey(1));
const runner = runnerRowKey(aRunnerName(1)) ?? job;
const jobChanged = { host: hostA, item: { kind: 'job', key: aJobKey(1) } };

/** An image as the stream has it. */
function image(key: { pk: string; sk: string }, host: HostName | null, change = '1') {
  const mark = host === null ? {} : { dirty: { S: dirtyPartition(host, shards[2]) }, change: { S: change } };
  return { pk: { S: key.pk }, sk: { S: key.sk }, item: { S: '{}' }, ...mark };
}

test('an item that is new and has to be counted is told to its host', () => {
  assert.deepEqual(changesOf({ dynamodb: { NewImage: image(job, hostA) } }), [jobChanged]);
  assert.deepEqual(changesOf({ dynamodb: { NewImage: image(runner, hostB) } }), [
    { host: hostB, item: { kind: 'runner', name: aRunnerName(1) } },
  ]);
});

test('an item that has to be counted again is told, whether it was counted meanwhile or not', () => {
  const again = { NewImage: image(job, hostA, '2'), OldImage: image(job, hostA, '1') };
  assert.deepEqual(changesOf({ dynamodb: again }), [jobChanged]);
  const counted = { NewImage: image(job, hostA, '2'), OldImage: image(job, null) };
  assert.deepEqual(changesOf({ dynamodb: counted }), [jobChanged]);
});

test('an item that is handed on to another host is told to that one', () => {
  const handedOn = { NewImage: image(job, hostB, '1'), OldImage: image(job, hostA, '1') };
  assert.deepEqual(changesOf({ dynamodb: handedOn }), [{ ...jobChanged, host: hostB }]);
});

test('a write that changes no count, one that counted, and a deletion tell nothing', () => {
  const same = { NewImage: image(job, hostA, '1'), OldImage: image(job, hostA, '1') };
  const counted = { NewImage: image(job, null), OldImage: image(job, hostA, '1') };
  const deleted = { OldImage: image(job, hostA, '1') };
  for (const dynamodb of [same, counted, deleted, {}]) assert.deepEqual(changesOf({ dynamodb }), []);
  assert.deepEqual(changesOf({}), []);
});

test('of the controls of a host the one is told that was changed', () => {
  const controls = { pk: `H#${hostA}`, sk: 'C' };
  const changed = {
    NewImage: image(controls, hostA, `${lint}#7`),
    OldImage: image(controls, hostA, `${lint}#6`),
  };
  assert.deepEqual(changesOf({ dynamodb: changed }), [
    { host: hostA, item: { kind: 'control', pool: lint } },
  ]);
});

test('books are told to nobody', () => {
  for (const key of [ledgerRowKey(hostA), laneRowKey(hostA, 'lint#acme#default' as never)])
    assert.deepEqual(changesOf({ dynamodb: { NewImage: image(key, hostA) } }), []);
});
