// EKS, as the IAM identity that this process has. Its token is a request to STS ("who am I?") that is signed in advance
// and not sent: the cluster sends it, and so learns who we are. The cluster's name is signed with it, so that a token is
// good for one cluster alone. [EKS: how access entries work; aws-iam-authenticator: API authorization from outside a
// cluster]

import { Agent } from 'node:https';
import { DescribeClusterCommand, EKSClient, type EKSClientConfig } from '@aws-sdk/client-eks';
import { AssumeRoleCommand, STSClient, type STSClientConfig } from '@aws-sdk/client-sts';
import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { HashConstructor } from '@smithy/types';
import type { Clock, EpochMs } from '../../../../ports/clock.ts';
import { type Connection, socketsMax } from './connection.ts';

export interface EksDeps {
  cluster: string;
  /** Left out: as the SDK finds it, from the environment or the profile. */
  region?: string | undefined;
  /** Whom the cluster knows, where that is not this process itself. */
  role?: string | undefined;
  clock: Clock;
  /** What the place wants of the client: an endpoint, credentials. */
  client?: Pick<EKSClientConfig & STSClientConfig, 'endpoint' | 'region' | 'credentials'>;
}

/** Clusters take a token for 15 minutes from its signature on; a clock may be some minutes off. */
const tokenMs = 10 * 60_000;
/** Of the request in it; clusters look at its date instead, and refuse more. */
const expiresSeconds = 60;
const requestMsMax = 10_000;

export function connectToEks({ cluster, region, role, clock, client }: EksDeps): Connection {
  const config: EKSClientConfig & STSClientConfig = {
    ...(region !== undefined && { region }),
    requestHandler: { requestTimeout: requestMsMax, throwOnRequestTimeout: true },
    ...client,
  };
  const eks = new EKSClient(config);
  const sts = role === undefined ? null : new STSClient(config);
  let place: Promise<{ server: string; agent: Agent }> | null = null;
  let token: { text: string; until: EpochMs } | null = null;

  async function find(): Promise<{ server: string; agent: Agent }> {
    const { cluster: found } = await eks.send(new DescribeClusterCommand({ name: cluster }));
    const certificate = found?.certificateAuthority?.data;
    if (!found?.endpoint || !certificate)
      throw new Error(
        `EKS cluster ${cluster} has no endpoint yet (${found?.status ?? 'no status'}). Remedy: wait until it is ACTIVE.`,
      );
    const ca = Buffer.from(certificate, 'base64').toString('utf8');
    return { server: found.endpoint, agent: new Agent({ ca, keepAlive: true, maxSockets: socketsMax }) };
  }

  /** Its hour is longer than its token's minutes, so it is asked for with each. */
  async function identity(): Promise<Identity> {
    if (sts === null) return eks.config.credentials();
    const asked = new AssumeRoleCommand({ RoleArn: role, RoleSessionName: 'ephemeral-runners' });
    const { Credentials: given } = await sts.send(asked);
    if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken)
      throw new Error(`STS gave no credentials for role ${role}`);
    return {
      accessKeyId: given.AccessKeyId,
      secretAccessKey: given.SecretAccessKey,
      sessionToken: given.SessionToken,
    };
  }

  return {
    async access() {
      place ??= find();
      const found = await place.catch((error: unknown) => {
        place = null;
        throw error;
      });
      const now = clock.now();
      if (token === null || now >= token.until)
        token = {
          text: await sign(await eks.config.region(), await identity(), cluster, now),
          until: now + tokenMs,
        };
      return { ...found, headers: { authorization: `Bearer ${token.text}` } };
    },
    forget() {
      token = null;
    },
    close() {
      place?.then(({ agent }) => agent.destroy()).catch(() => {});
      eks.destroy();
      sts?.destroy();
    },
  };
}

interface Identity {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

async function sign(region: string, credentials: Identity, cluster: string, now: EpochMs): Promise<string> {
  const hostname = `sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
  const signer = new SignatureV4({ service: 'sts', region, credentials, sha256: Sha256 });
  const signed = await signer.presign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname,
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
      headers: { host: hostname, 'x-k8s-aws-id': cluster },
    },
    { expiresIn: expiresSeconds, signingDate: new Date(now) },
  );
  const query = Object.entries(signed.query ?? {}).map(([key, value]): [string, string] => [
    key,
    String(value),
  ]);
  const url = `https://${hostname}/?${new URLSearchParams(query)}`;
  return `k8s-aws-v1.${Buffer.from(url).toString('base64url')}`;
}

/** Node's own, in the shape that the signer asks for: as the SDK's clients have it. */
const Sha256: HashConstructor = Hash.bind(null, 'sha256');
