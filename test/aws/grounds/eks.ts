// What EKS is beside its clusters: it tells where a cluster is, to whom IAM lets it, and says to the cluster who shows a
// token. A stand-in, around the emulator's EKS, IAM and STS: those know the cluster, its access entries and the roles,
// and check signatures; the cluster itself is another one, and who it asks is here.
// [EKS: how access entries work; aws-iam-authenticator: API authorization from outside a cluster]

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect as connectTo, createServer as createRelay } from 'node:net';
import {
  CreateAccessEntryCommand,
  CreateClusterCommand,
  DescribeAccessEntryCommand,
  EKSClient,
} from '@aws-sdk/client-eks';
import { z } from 'zod';
import { secondAddress } from '../../../scripts/kubernetes.ts';
import { connect, emulatedPlace } from '../../../src/deployments/aws/emulated/connection.ts';
import { type Place, resourcesOf } from './ground.ts';

/** The cluster as EKS's users see it. */
interface BehindEks {
  name: string;
  server: string;
  /** PEM. */
  ca: string;
}

export interface Eks {
  /** For the API server's webhook. */
  authenticator: string;
  /** Tokens that were found good, and those that were not. */
  tokens(): { good: number; refused: number };
  /**
   * Once the emulator is there: makes the cluster known, with the access entries of the stacks. Functions reach it at
   * another address of this machine: what they send by TLS to the usual one, the emulator's runtime sends in the clear.
   */
  open(place: Place, cluster: BehindEks): Promise<void>;
  close(): Promise<void>;
}

const tokenPrefix = 'k8s-aws-v1.';
const { account, region } = emulatedPlace;
const stsHost = `sts.${region}.amazonaws.com`;
const subnet = 'subnet-00000001';

const review = z.object({ spec: z.object({ token: z.string().max(16_384) }) });

export async function startEks(): Promise<Eks> {
  let opened: { emulator: URL; eks: EKSClient; cluster: BehindEks } | null = null;
  const relay = await startRelay(() => opened?.cluster.server ?? null);
  let good = 0;
  let refused = 0;

  // ---- The authenticator

  async function whoShows(token: string): Promise<{ username: string; groups: string[] } | null> {
    const url = stsRequestIn(token);
    if (url === null || opened === null) return null;
    const { emulator, eks, cluster } = opened;
    // The cluster's name is signed with it: a token for another cluster is none.
    const answer = await call(emulator, {
      path: url.pathname + url.search,
      headers: { host: url.host, 'x-k8s-aws-id': cluster.name },
    });
    const arn = /<Arn>arn:aws:sts::(\d+):assumed-role\/([^/<]+)\/[^<]+<\/Arn>/.exec(answer.body);
    if (answer.status !== 200 || !arn) return null;
    const principalArn = `arn:aws:iam::${arn[1]}:role/${arn[2]}`;
    const entry = await eks
      .send(new DescribeAccessEntryCommand({ clusterName: cluster.name, principalArn }))
      .catch((error: unknown) => {
        if ((error as Error).name === 'ResourceNotFoundException') return null;
        throw error;
      });
    if (!entry?.accessEntry) return null;
    return { username: principalArn, groups: entry.accessEntry.kubernetesGroups ?? [] };
  }

  const authenticator = await listen(async (body) => {
    const { token } = review.parse(JSON.parse(body.toString('utf8'))).spec;
    const user = await whoShows(token);
    if (user) good += 1;
    else refused += 1;
    return {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      status: { authenticated: user !== null, ...(user && { user }) },
    };
  });

  // ---- What functions ask

  /** The emulator answers, or refuses, as IAM lets it; of the cluster it has neither address nor certificate. */
  const front = await listen(async (body, { method, url, headers }, response) => {
    if (opened === null) throw new Error('there is no cluster yet');
    const { emulator, cluster } = opened;
    const answer = await call(emulator, { method, path: url, headers, body });
    response.statusCode = answer.status;
    const said = JSON.parse(answer.body) as { cluster?: Record<string, unknown> };
    if (said.cluster === undefined) return said;
    const data = Buffer.from(cluster.ca).toString('base64');
    return { cluster: { ...said.cluster, endpoint: relay.url, certificateAuthority: { data } } };
  });

  return {
    authenticator: authenticator.url,
    tokens: () => ({ good, refused }),
    async open({ cloud, deployed }, cluster) {
      const eks = connect(EKSClient, cloud.endpoint);
      const clusterName = cluster.name;
      const entries = entriesOf(deployed, clusterName);
      await eks.send(
        new CreateClusterCommand({
          name: clusterName,
          // Any that is there: nobody takes it.
          roleArn: entries[0]?.principalArn,
          resourcesVpcConfig: { subnetIds: [subnet] },
        }),
      );
      // The emulator's CloudFormation does not know them.
      for (const entry of entries) await eks.send(new CreateAccessEntryCommand(entry));
      opened = { emulator: new URL(cloud.endpoint), eks, cluster };
      cloud.wire.route('eks', front.url);
    },
    async close() {
      opened?.eks.destroy();
      await relay.close();
      await front.close();
      await authenticator.close();
    },
  };
}

const entrySchema = z.object({
  ClusterName: z.string(),
  PrincipalArn: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) }),
  KubernetesGroups: z.array(z.string()),
});

function entriesOf(deployed: Place['deployed'], clusterName: string) {
  return resourcesOf(deployed, 'AWS::EKS::AccessEntry').map(({ resource, stack }) => {
    const { ClusterName, PrincipalArn, KubernetesGroups } = entrySchema.parse(resource.Properties);
    if (ClusterName !== clusterName) throw new Error(`an access entry is for cluster ${ClusterName}`);
    const [role] = PrincipalArn['Fn::GetAtt'];
    const principalArn = `arn:aws:iam::${account}:role/${stack.resources[role]}`;
    return { clusterName, principalArn, kubernetesGroups: KubernetesGroups };
  });
}

/** `null`: it is none, or would be sent elsewhere, or asks for something else. */
function stsRequestIn(token: string): URL | null {
  if (!token.startsWith(tokenPrefix)) return null;
  const text = Buffer.from(token.slice(tokenPrefix.length), 'base64url').toString('utf8');
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const isSts = url.protocol === 'https:' && url.host === stsHost && url.pathname === '/';
  const signed = url.searchParams.get('X-Amz-SignedHeaders')?.split(';') ?? [];
  const asksWho = url.searchParams.get('Action') === 'GetCallerIdentity';
  return isSts && asksWho && signed.includes('x-k8s-aws-id') ? url : null;
}

async function listen(
  answer: (body: Buffer, incoming: IncomingMessage, response: ServerResponse) => Promise<object>,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((incoming, response) => {
    const work = async (): Promise<void> => {
      const said = await answer(await bodyOf(incoming), incoming, response);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(said));
    };
    work().catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Bytes, as they are: TLS goes through it. */
async function startRelay(to: () => string | null): Promise<{ url: string; close(): Promise<void> }> {
  const open = new Set<{ destroy(): void }>();
  const server = createRelay((from) => {
    const url = to();
    if (url === null) return void from.destroy();
    const { hostname, port } = new URL(url);
    const behind = connectTo({ host: hostname, port: Number(port) });
    for (const [one, other] of [
      [from, behind],
      [behind, from],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.once('error', () => other.destroy());
      one.once('close', () => open.delete(one));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, secondAddress, resolve));
  return {
    url: `https://${secondAddress}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function call(
  { hostname, port }: URL,
  {
    body,
    ...asked
  }: {
    method?: string | undefined;
    path: string | undefined;
    headers: IncomingMessage['headers'];
    body?: Buffer;
  },
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, ...asked }, (answer) => {
      bodyOf(answer).then(
        (text) => resolve({ status: answer.statusCode ?? 502, body: text.toString('utf8') }),
        reject,
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
