// Counts, plans, commits, and orders: one batch of a host at a time.

import { env } from 'node:process';
import { handleSqsEvent } from '../../../adapters/topics/aws/index.ts';
import { makePublisher } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { invocation } from '../invocation.ts';
import { parseNotification } from '../messages.ts';
import { openJobsTopic, openPublisherTopic, openTable, openTimer, queueOf, traced } from '../ports.ts';
import { openTraces } from '../traces/publishers.ts';

const environment = readEnvironment(env, variables.publisher);
const { context, table, budgets } = await openTable(environment);
const traces = openTraces(context);
const publish = makePublisher(traced(context, environment, traces.tracer), {
  table,
  budgets: budgets(),
  jobsTopic: openJobsTopic(context, environment),
  publisherTopic: openPublisherTopic(context, environment),
  timer: openTimer(context, environment),
});

export const handler = invocation(
  context,
  handleSqsEvent(
    { ...queueOf(context, environment, 'publisher'), parse: parseNotification },
    async (batch) => {
      const outcomes = await publish(batch);
      await traces.flush();
      return outcomes;
    },
  ),
);
