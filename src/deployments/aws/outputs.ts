// What a deployed system tells people and commands about itself: outputs of its stacks, by these keys in whichever of
// them they stand. Which stacks are one deployment's is told by their tag.

/** On every stack: the name of the deployment. */
export const deploymentTag = 'runners:deployment';

export const outputKeys = {
  /** Where GitHub sends webhooks. */
  webhookUrl: 'WebhookUrl',
  /** Name of the jobs table. */
  table: 'JobsTable',
  publisherTopic: 'PublisherTopicArn',
  /** ARNs in Secrets Manager. */
  webhookSecret: 'WebhookSecretArn',
  appSecret: 'AppSecretArn',
  /** Names of the hosts that were deployed, with commas between. */
  hosts: 'Hosts',
  /** URL of the queue of stream records that could not be handled: it holds pointers, no messages to move back. */
  streamFailures: 'StreamFailuresQueueUrl',
} as const;

export type OutputName = keyof typeof outputKeys;
