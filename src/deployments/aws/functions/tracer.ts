// Spans from their queue → X-Ray, or a collector.

import { env } from 'node:process';
import { handleSqsEvent } from '../../../adapters/topics/aws/index.ts';
import { unpackSpans } from '../../../adapters/tracers/queue/index.ts';
import { readEnvironment, variables } from '../environment.ts';
import { invocation } from '../invocation.ts';
import { openWorld, queueOf } from '../ports.ts';
import { createExporter } from '../traces/exporter.ts';
import type { OpenBackEnd } from '../traces/opener.ts';

export function handlerOf(openBackEnd: OpenBackEnd) {
  const environment = readEnvironment(env, variables.tracer);
  const world = openWorld(environment);

  return invocation(
    world,
    handleSqsEvent(
      { ...queueOf(world, environment, 'traces'), parse: unpackSpans },
      createExporter(openBackEnd(world, environment), world.telemetry),
    ),
  );
}
