import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

export type Invoke = (event: unknown) => Promise<unknown>;

/** Calls a deployed function and waits for its answer; rejects where it failed, timed out, or was not run at all. */
export function invokeOf(client: LambdaClient, functionName: string): Invoke {
  return async (event) => {
    const { FunctionError, Payload } = await client.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }),
    );
    const text = Payload?.transformToString() ?? '';
    if (FunctionError !== undefined) throw new FunctionFailure(functionName, text);
    return text === '' ? null : JSON.parse(text);
  };
}

/** Lambda says why in the payload, with a type and a message. */
export class FunctionFailure extends Error {
  override name = 'FunctionFailure';
  readonly functionName: string;

  constructor(functionName: string, payload: string) {
    super(`${functionName} failed: ${payload.slice(0, payloadLengthMax)}`);
    this.functionName = functionName;
  }
}

const payloadLengthMax = 500;
