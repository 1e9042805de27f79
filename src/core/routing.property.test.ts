import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { configurationOf, poolSettings } from '../../test/fixtures/books.ts';
import { fits, matchesPattern, route } from './routing.ts';

const label = fc.constantFrom('self-hosted', 'linux', 'mac', 'gpu', 'big');
const pool = fc.record({
  labels: fc.uniqueArray(label, { minLength: 1, maxLength: 4 }),
  publicRepositories: fc.constantFrom('refuse' as const, 'allow' as const),
  repositories: fc.constantFrom(null, ['acme/*'], ['beta/app', 'acme/a*']),
  register: fc.constantFrom('organisation' as const, 'repository' as const),
});
const configuration = fc
  .array(pool, { maxLength: 4 })
  .map((pools) => configurationOf(pools.map((one, index) => poolSettings(`p${index}`, one))));
const job = fc.record({
  labels: fc.array(fc.oneof(label, fc.constant('ubuntu-latest')), { maxLength: 4 }),
  repository: fc.constantFrom('acme/app', 'beta/app', 'stranger/app'),
  isPublic: fc.boolean(),
  ownedByOrganisation: fc.boolean(),
  installation: fc.constant(7),
});

describe('routing of any job by any configuration', () => {
  it('gives it to the first pool that fits and admits it, or says why none does', () => {
    fc.assert(
      fc.property(job, configuration, (one, by) => {
        const routing = route(one, by);
        const mayUse = by.pools.filter(
          (candidate) =>
            fits(one.labels, candidate) &&
            (!one.isPublic || candidate.publicRepositories === 'allow') &&
            (candidate.repositories ?? ['*']).some((pattern) => matchesPattern(pattern, one.repository)),
        );
        const [first] = one.repository === 'stranger/app' ? [] : mayUse;
        if (!first) assert.notEqual(routing.kind, 'lane');
        else assert.ok(routing.kind === 'lane' && routing.lane.startsWith(`${first.name}#`));
        if (routing.kind === 'refused') assert.ok(routing.text.length > 0);
      }),
    );
  });

  it('does not depend on the order, the case or the number of times of its labels', () => {
    fc.assert(
      fc.property(job, configuration, fc.nat(), (one, by, turn) => {
        const { labels } = one;
        const at = labels.length === 0 ? 0 : turn % labels.length;
        const turned = [...labels.slice(at), ...labels, ...labels.slice(0, at)].map((text, index) =>
          index % 2 ? text.toUpperCase() : text,
        );
        const [a, b] = [route(one, by), route({ ...one, labels: turned }, by)];
        assert.equal(a.kind, b.kind);
        if (a.kind === 'lane') assert.deepEqual(a, b);
      }),
    );
  });

  it('keeps jobs of different scopes in different lanes', () => {
    fc.assert(
      fc.property(job, job, configuration, (a, b, by) => {
        const [one, other] = [route(a, by), route(b, by)];
        if (one.kind !== 'lane' || other.kind !== 'lane' || one.lane !== other.lane) return;
        assert.deepEqual(one.scope, other.scope);
        assert.equal(one.host, other.host);
      }),
    );
  });
});
