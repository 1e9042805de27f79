import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heldCause, heldRemedy, readable, speaksAgainstPool } from './reason.ts';

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

  it('that GitHub holds a job back names what is likely first, and no group where none can be to blame', () => {
    const ofOrganisation = { kind: 'lane', group: 'builders', scope: { repository: null } } as const;
    const ofRepository = { kind: 'lane', group: 'default', scope: { repository: 'app' } } as const;
    const job = { repository: 'acme/app', isPublic: false, route: ofOrganisation };
    assert.match(
      heldCause(job),
      /: max-parallel .*, or runner group "builders" does not admit acme\/app, or its/,
    );
    assert.match(
      heldCause({ ...job, isPublic: true }),
      /: runner group "builders" does not admit public repositories, or max-parallel/,
    );
    assert.match(
      heldRemedy({ ...job, isPublic: true }),
      /admit acme\/app, and public repositories \(settings/,
    );
    assert.doesNotMatch(heldCause({ ...job, route: ofRepository }), /group/);
    assert.doesNotMatch(heldRemedy({ ...job, route: ofRepository }), /group/);
  });
});
