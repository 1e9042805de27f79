// The table's stream → the Publisher Topic.

import { env } from 'node:process';
import { changesOf } from '../../../adapters/jobs-tables/dynamodb/changes.ts';
import { handleStreamEvent } from '../../../adapters/topics/aws/index.ts';
import { makeMessenger } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { invocation } from '../invocation.ts';
import { openPublisherTopic, openWorld } from '../ports.ts';

const environment = readEnvironment(env, variables.messenger);
const world = openWorld(environment);
const publisherTopic = openPublisherTopic(world, environment);

export const handler = invocation(
  world,
  handleStreamEvent(
    { stream: 'stream', telemetry: world.telemetry, read: changesOf },
    makeMessenger(world, { publisherTopic }),
  ),
);
