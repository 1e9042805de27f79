import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nearest } from './nearest.ts';
import { poolSchema, timingSchema } from './schema.ts';

const poolKeys = Object.keys(poolSchema.shape);
const timingKeys = Object.keys(timingSchema.shape);

test('slips of the keyboard are recognised', () => {
  const slips = {
    lables: 'labels',
    limt: 'limit',
    hosts: 'host',
    OS: 'os',
    sparse: 'spares',
    wieght: 'weight',
  };
  for (const [slip, meant] of Object.entries(slips)) assert.equal(nearest(slip, poolKeys), meant, slip);
});

test('other units and other words for a key are recognised', () => {
  const words = {
    idleMs: 'idleSeconds',
    idle_timeout: 'idleSeconds',
    bootTimeout: 'bootSeconds',
    jobTimeMax: 'jobMinutesMax',
    'runs-on': 'labels',
    'timeout-minutes': 'jobMinutesMax',
    maxRunners: 'limit',
    runnerGroup: 'group',
    cmd: 'command',
  };
  for (const [word, meant] of Object.entries(words)) assert.equal(nearest(word, poolKeys), meant, word);
  assert.equal(nearest('idle', timingKeys), 'idleSeconds');
  assert.equal(nearest('holdMaxSeconds', timingKeys), 'holdSecondsMax');
});

test('a word that is near nothing is not guessed at', () => {
  for (const word of ['foo', 'x', '', 'environment', 'securityGroup'])
    assert.equal(nearest(word, poolKeys), null, word);
});

test('every key is nearest to itself', () => {
  fc.assert(fc.property(fc.constantFrom(...poolKeys), (key) => nearest(key, poolKeys) === key));
  fc.assert(fc.property(fc.constantFrom(...timingKeys), (key) => nearest(key, timingKeys) === key));
});

test('any text is compared without trouble', () => {
  fc.assert(fc.property(fc.string({ maxLength: 50 }), (text) => nearest(text, []) === null));
});
