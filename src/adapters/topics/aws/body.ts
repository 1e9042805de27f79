/**
 * The value in a message's text, out of SNS's envelope where the subscription does not deliver raw. None of our own
 * bodies looks like an envelope. Throws where the text is no JSON.
 */
export function contentOf(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return isEnvelope(value) ? JSON.parse(value.Message) : value;
}

function isEnvelope(value: unknown): value is { Message: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { Type, TopicArn, Message } = value as Readonly<Record<string, unknown>>;
  return Type === 'Notification' && typeof TopicArn === 'string' && typeof Message === 'string';
}
