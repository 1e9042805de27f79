// What a request to AWS is about, read from what the SDK sends: the service that it is signed for, the operation, and
// which function sent it. The actions are those that its role must be granted: an action on a batch is that on a single
// message, an invocation has another name there, and a transaction is what it does to each item. [AWS: Service Authorization Reference]

export interface Request {
  method: string;
  path: string;
  /** With names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer;
}

export interface Call {
  /** As the request is signed for: `dynamodb`, `sns`. */
  service: string;
  /** `TransactWriteItems`; of a service that names none in its requests, the method and path. */
  operation: string;
  /** In the words of a policy: `dynamodb:PutItem`. */
  actions: readonly string[];
  /** The function, by the application id that the deployer gives each; `null` for anybody else. */
  caller: string | null;
}

const credentialScope = /Credential=[^/]+\/\d{8}\/[\w-]+\/([\w-]+)\/aws4_request/;

/** The SDK appends the application id of its environment to the user agent. [AWS SDKs: Application ID] */
const applicationId = /(?:^|\s)app\/(\S+)/;

export function callOf(request: Request): Call {
  const service = credentialScope.exec(text(request.headers['authorization']))?.[1] ?? 'unsigned';
  const operation = operationOf(request);
  return {
    service,
    operation,
    actions: actionsOf(service, operation, request.body),
    caller: applicationId.exec(text(request.headers['user-agent']))?.[1] ?? null,
  };
}

/** Protocols: JSON names it in a header, the query protocol (SNS) in the form, REST in the path. */
function operationOf({ method, path, headers, body }: Request): string {
  const target = text(headers['x-amz-target']);
  if (target) return target.slice(target.lastIndexOf('.') + 1);
  if (text(headers['content-type']).startsWith('application/x-www-form-urlencoded')) {
    const action = new URLSearchParams(body.toString('utf8')).get('Action');
    if (action) return action;
  }
  const asked = `${method} ${path.split('?')[0]}`;
  return inPaths.find(([pattern]) => pattern.test(asked))?.[1] ?? asked;
}

/** Those of the hosts, which would else be as many as functions and clusters. */
const inPaths: readonly [pattern: RegExp, operation: string][] = [
  [/^POST \/2015-03-31\/functions\/[^/]+\/invocations$/, 'Invoke'],
  [/^GET \/clusters\/[^/]+$/, 'DescribeCluster'],
];

function actionsOf(service: string, operation: string, body: Buffer): string[] {
  if (operation === 'TransactWriteItems') return transactionActions(body);
  return [`${service}:${allowedBy[operation] ?? operation}`];
}

const allowedBy: Readonly<Record<string, string>> = {
  Invoke: 'InvokeFunction',
  PublishBatch: 'Publish',
  SendMessageBatch: 'SendMessage',
  DeleteMessageBatch: 'DeleteMessage',
  ChangeMessageVisibilityBatch: 'ChangeMessageVisibility',
};

const itemActions: Readonly<Record<string, string>> = {
  Put: 'dynamodb:PutItem',
  Update: 'dynamodb:UpdateItem',
  Delete: 'dynamodb:DeleteItem',
  ConditionCheck: 'dynamodb:ConditionCheckItem',
};

function transactionActions(body: Buffer): string[] {
  const { TransactItems: items = [] } = JSON.parse(body.toString('utf8')) as {
    TransactItems?: Record<string, unknown>[];
  };
  return [...new Set(items.flatMap((item) => Object.keys(item).flatMap((kind) => itemActions[kind] ?? [])))];
}

function text(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(' ') : (value ?? '');
}
