import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { awsConfiguration } from '../../../test/fixtures/aws-configuration.ts';
import type { TracingSettings } from '../../config/aws.ts';
import { type BundledFunction, bundleFunctions } from './bundle.ts';
import type { FunctionKind } from './functions.ts';

const openTelemetry = /node_modules\/@opentelemetry\//;
const queueTracer = 'src/adapters/tracers/queue/index.ts';

describe('what is bundled for traces', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bundles-traces-'));
  });
  after(() => rm(folder, { recursive: true }));

  function bundled(kinds: readonly FunctionKind[], tracing?: TracingSettings): Promise<BundledFunction[]> {
    return bundleFunctions({
      configuration: awsConfiguration(),
      kinds,
      outDirectory: join(folder, tracing?.to === 'xray' ? 'xray' : String(tracing !== undefined)),
      sdk: 'bundled',
      secretsStore: 'secretsManager',
      tracing,
    });
  }

  it('is nothing where none are kept', async () => {
    const bundles = await bundled(['publisher', 'webhook', 'tracer']);
    assert.deepEqual(bundles.map(({ kind }) => kind).sort(), ['publisher', 'webhook']);
    for (const bundle of bundles)
      for (const file of filesOf(bundle))
        assert.doesNotMatch(
          file,
          /adapters\/tracers\/(?!metrics)|@opentelemetry|traces\/(?!none)/,
          bundle.name,
        );
  });

  it('is the way to a queue for the Publisher, and OpenTelemetry for the tracer alone', async () => {
    const bundles = await bundled(['publisher', 'webhook', 'tracer'], { to: 'xray', sampleRatio: 1 });
    for (const bundle of bundles) {
      const files = filesOf(bundle);
      const isTracer = bundle.kind === 'tracer';
      assert.equal(
        files.some((file) => openTelemetry.test(file)),
        isTracer,
        bundle.name,
      );
      assert.equal(files.includes(queueTracer), bundle.kind === 'publisher', bundle.name);
      if (isTracer) assert.ok(files.some((file) => file.endsWith('traces/xray.ts')));
    }
  });

  it('is the one back end that spans go to, with a client for secrets only where headers may be one', async () => {
    const of = async (tracing: TracingSettings) => {
      const [bundle] = await bundled(['tracer'], tracing);
      assert.ok(bundle);
      const files = filesOf(bundle);
      const has = (part: string) => files.some((file) => file.includes(part));
      return {
        collector: has('traces/collector'),
        xray: has('traces/xray'),
        secrets: has('client-secrets-'),
      };
    };
    assert.deepEqual(await of({ to: 'xray', sampleRatio: 1 }), {
      collector: false,
      xray: true,
      secrets: false,
    });
    assert.deepEqual(await of({ to: 'https://collector.example.com/v1/traces', sampleRatio: 1 }), {
      collector: true,
      xray: false,
      secrets: true,
    });
  });
});

/** Those of which anything is in the code. */
function filesOf({ metafile }: BundledFunction): string[] {
  return Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
}
