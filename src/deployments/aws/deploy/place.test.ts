import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOf } from './place.ts';

test('the region comes from the environment before a profile', () => {
  assert.equal(
    placeOf({ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'us-east-1' }, 'us-west-2').region,
    'eu-west-1',
  );
  assert.equal(placeOf({ AWS_REGION: '', AWS_DEFAULT_REGION: 'us-east-1' }, null).region, 'us-east-1');
  assert.equal(placeOf({}, 'us-west-2').region, 'us-west-2');
  assert.equal(placeOf({}, null).region, null);
});

test('an emulator is what is on this machine by its address, and nothing that only sounds like it', () => {
  for (const url of [
    'http://127.0.0.1:4566',
    'http://localhost:1',
    'http://[::1]:1',
    'http://aws.localhost:1',
  ]) {
    assert.equal(placeOf({ AWS_ENDPOINT_URL: url }, null).isEmulator, true, url);
  }
  for (const url of [
    'https://localhost.example.com',
    'https://127.0.0.1.example.com',
    'https://vpce-1.sts.eu-west-1.vpce.amazonaws.com',
    'nonsense',
    '',
  ]) {
    assert.equal(placeOf({ AWS_ENDPOINT_URL: url }, null).isEmulator, false, url);
  }
});
