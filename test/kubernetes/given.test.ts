import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { kubeconfigText } from '../../scripts/kubernetes.ts';
import { givenCluster } from './given.ts';

describe('a cluster for the tests', () => {
  let folder = '';
  let file = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'given-'));
    file = join(folder, 'kubeconfig');
    const server = 'https://production.example';
    writeFileSync(file, kubeconfigText({ server, ca: 'its authority', token: 'a token', name: 'admin' }));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('is none that a shell happens to know', () => {
    assert.equal(givenCluster({ KUBECONFIG: file }), null);
    assert.equal(givenCluster({}), null);
  });

  test('is the one whose context is named', () => {
    assert.deepEqual(givenCluster({ KUBECONFIG: file, KUBERNETES_TEST_CONTEXT: 'here' }), {
      ...{ server: 'https://production.example', ca: 'its authority', kubeconfig: file },
    });
  });

  test('is refused where another context is the current one, or no file is named', () => {
    assert.throws(
      () => givenCluster({ KUBECONFIG: file, KUBERNETES_TEST_CONTEXT: 'lab' }),
      /the current context of .* is here\. Remedy/,
    );
    assert.throws(() => givenCluster({ KUBERNETES_TEST_CONTEXT: 'here' }), /KUBECONFIG is not set/);
  });
});
