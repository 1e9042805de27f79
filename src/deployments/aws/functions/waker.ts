// The timer's queue → the Publisher Topic.

import { env } from 'node:process';
import { handleSqsEvent } from '../../../adapters/topics/aws/index.ts';
import { makeWaker } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { invocation } from '../invocation.ts';
import { parseWake } from '../messages.ts';
import { openPublisherTopic, openTimer, openWorld, queueOf } from '../ports.ts';

const environment = readEnvironment(env, variables.waker);
const world = openWorld(environment);
const publisherTopic = openPublisherTopic(world, environment);
const timer = openTimer(world, environment);

export const handler = invocation(
  world,
  handleSqsEvent(
    { ...queueOf(world, environment, 'timer'), parse: parseWake },
    makeWaker(world, { publisherTopic, timer }),
  ),
);
