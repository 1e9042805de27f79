// How programs on this machine speak with the emulator: as the account itself, and as if behind TLS. Our topics and
// queues refuse what comes without TLS, and the emulator enforces that; it takes the word of whoever stands before it,
// as AWS's services take that of their load balancers.

/** What the emulator takes for the account itself, which may do anything. It is not AWS's, and opens nothing else. */
const rootOfEmulator = { accessKeyId: 'test', secretAccessKey: 'test' };

export const emulatedPlace = { account: '000000000000', region: 'us-east-1' };

export const tlsHeader = { 'x-forwarded-proto': 'https' };

/** Enough for every mapping to wait for its calls at the same time. */
const socketsMax = 256;

interface Stack {
  add(
    middleware: <Args, Result>(next: (args: Args) => Promise<Result>) => (args: Args) => Promise<Result>,
    options: { step: 'build'; name: string },
  ): void;
}

/** `connect(SQSClient, endpoint)`: a client of the SDK for the emulator. */
export function connect<Client extends { middlewareStack: unknown }>(
  Client: new (config: ClientConfig) => Client,
  endpoint: string,
  more: Partial<ClientConfig> = {},
): Client {
  const client = new Client({
    endpoint,
    region: emulatedPlace.region,
    credentials: rootOfEmulator,
    requestHandler: { httpAgent: { maxSockets: socketsMax } },
    ...more,
  });
  (client.middlewareStack as Stack).add(
    (next) => (args) => {
      const { request } = args as { request: { headers: Record<string, string> } };
      Object.assign(request.headers, tlsHeader);
      return next(args);
    },
    { step: 'build', name: 'behindTls' },
  );
  return client;
}

interface ClientConfig {
  endpoint: string;
  region: string;
  credentials: typeof rootOfEmulator;
  requestHandler: { httpAgent: { maxSockets: number } };
  maxAttempts?: number;
  forcePathStyle?: boolean;
}
