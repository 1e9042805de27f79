// What has to be said otherwise to a template so that an emulator on this machine can run it. Each change is one that
// the real deployment does not need, and none hides what the template says: mappings keep their settings, and rules
// their targets.
//
//   mappings     off: the emulator's own runner is not Lambda's (see mappings/)
//   schedules    off: whoever runs the system says when a minute has passed
//   policies     what allows a message allows a batch too, which the emulator takes for an action of its own
//   left out     what the emulator does not know, and nothing that runs depends on
//   all else     as it is

export interface Template {
  Resources?: Record<string, Resource>;
  [section: string]: unknown;
}

export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
  [attribute: string]: unknown;
}

/**
 * Alarms of alarms, and of sums: their tests read the template. Who a cluster of EKS knows: that is told to the API by
 * whoever brings the cluster.
 */
function isLeftOut({ Type, Properties = {} }: Resource): boolean {
  if (Type === 'AWS::EKS::AccessEntry') return true;
  if (Type === 'AWS::CloudWatch::CompositeAlarm') return true;
  return Type === 'AWS::CloudWatch::Alarm' && Properties['Metrics'] !== undefined;
}

/** A copy; the given template stays as it is. */
export function adapted(template: Template): Template {
  const copy = structuredClone(template);
  const resources = Object.entries(copy.Resources ?? {}).filter(([, one]) => !isLeftOut(one));
  for (const [, resource] of resources) switchOff(resource);
  return withBatches({ ...copy, Resources: Object.fromEntries(resources) }) as Template;
}

function switchOff(resource: Resource): void {
  resource.Properties ??= {};
  const properties = resource.Properties;
  switch (resource.Type) {
    case 'AWS::Lambda::EventSourceMapping':
      properties['Enabled'] = false;
      return;
    case 'AWS::Events::Rule':
      if (properties['ScheduleExpression'] !== undefined) properties['State'] = 'DISABLED';
      return;
    case 'AWS::Scheduler::Schedule':
      properties['State'] = 'DISABLED';
      return;
  }
}

/** [AWS: Service Authorization Reference, SNS and SQS: no batch is an action there] */
const batches: Readonly<Record<string, string>> = {
  'sns:Publish': 'sns:PublishBatch',
  'sqs:SendMessage': 'sqs:SendMessageBatch',
  'sqs:DeleteMessage': 'sqs:DeleteMessageBatch',
  'sqs:ChangeMessageVisibility': 'sqs:ChangeMessageVisibilityBatch',
};

/** Wherever actions are named, alone or in a list. */
function withBatches(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBatches);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key !== 'Action') return [key, withBatches(inner)];
      const actions = (Array.isArray(inner) ? inner : [inner]) as string[];
      return [key, actions.flatMap((action) => [action, ...(batches[action] ? [batches[action]] : [])])];
    }),
  );
}
