import type { Attributes, FilterPolicy, OutgoingMessage, Topic } from '../../../ports/queue.ts';
import type { InProcessQueue } from './queue.ts';

interface InProcessTopic<Body> extends Topic<Body> {
  /** The queue gets what the policy lets through; everything where there is none. */
  subscribe(queue: InProcessQueue<Body>, policy?: FilterPolicy): void;
}

/** SNS's bounds of a filter policy. */
const policyAttributesMax = 5;
const policyCombinationsMax = 150;

/**
 * Hands each message to every queue whose policy lets it through, before `publish` resolves. A FIFO topic has FIFO
 * queues, which swallow duplicates themselves; a standard topic standard ones.
 */
export function createInProcessTopic<Body>({
  name,
  fifo,
}: {
  name: string;
  fifo: boolean;
}): InProcessTopic<Body> {
  const subscriptions: { queue: InProcessQueue<Body>; isMeant: (attributes: Attributes) => boolean }[] = [];

  function subscribe(queue: InProcessQueue<Body>, policy: FilterPolicy = {}): void {
    if (queue.fifo !== fifo) {
      throw new RangeError(
        `topic ${name} ${kind(fifo)}, queue ${queue.name} ${kind(queue.fifo)}: subscribe a queue of the same kind`,
      );
    }
    checkPolicy(name, policy);
    subscriptions.push({ queue, isMeant: matcher(policy) });
  }

  async function publish(messages: readonly OutgoingMessage<Body>[]): Promise<void> {
    for (const { queue, isMeant } of subscriptions) {
      const meant = messages.filter((message) => isMeant(message.attributes ?? {}));
      if (meant.length > 0) await queue.publish(meant);
    }
  }

  return { publish, subscribe };
}

/** Every attribute of the policy must be there, with one of its values, compared exactly. */
function matcher(policy: FilterPolicy): (attributes: Attributes) => boolean {
  const rules = Object.entries(policy).map(([attribute, values]) => ({ attribute, values: new Set(values) }));
  return (attributes) =>
    rules.every(({ attribute, values }) => {
      const value = attributes[attribute];
      return value !== undefined && values.has(value);
    });
}

function checkPolicy(topic: string, policy: FilterPolicy): void {
  const lists = Object.values(policy);
  const combinations = lists.reduce((product, values) => product * values.length, 1);
  if (lists.length <= policyAttributesMax && combinations >= 1 && combinations <= policyCombinationsMax)
    return;
  throw new RangeError(
    `topic ${topic}: a filter policy of ${lists.length} attributes and ${combinations} combinations of values; ` +
      `SNS allows ${policyAttributesMax} attributes, each with a value, and ${policyCombinationsMax} combinations`,
  );
}

function kind(fifo: boolean): string {
  return fifo ? 'is FIFO' : 'is standard';
}
