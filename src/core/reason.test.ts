import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readable, speaksAgainstPool } from './reason.ts';

describe('a reason', () => {
  it('speaks against the pool where it lies in the pool, never where it lies with us, a limit or an outage', () => {
    for (const code of ['bootDeadline', 'refused', 'invalid', 'mintRefused'] as const)
      assert.ok(speaksAgainstPool(code), code);
    for (const code of [
      'uncertain',
      'throttled',
      'expired',
      'unregistered',
      'surplus',
      'lost',
      'ended',
    ] as const)
      assert.ok(!speaksAgainstPool(code), code);
  });

  it('is one readable line of 300 characters at most', () => {
    assert.equal(readable('plain – text'), 'plain – text');
    assert.equal(readable('a\u0000\u001b[31m\nb\u202ec'), 'a [31m b c');
    const long = readable('x'.repeat(10_000));
    assert.equal(long.length, 300);
    assert.ok(long.endsWith('…'));
    assert.equal(readable('x'.repeat(300)), 'x'.repeat(300));
  });
});
