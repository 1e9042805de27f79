// A cluster as a kubeconfig knows it, or as a pod in it does: the official client reads both, and knows all the ways to
// prove who we are that are in use (certificates, tokens in files, OIDC, programs that print a token).

import { Agent as PlainAgent } from 'node:http';
import { Agent, type RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { type Access, type Connection, socketsMax } from './connection.ts';

export function connectByKubeconfig(given: {
  file?: string | undefined;
  context?: string | undefined;
}): Connection {
  const config = new KubeConfig();
  const from = given.file ?? 'KUBECONFIG or ~/.kube/config';
  try {
    if (given.file === undefined) config.loadFromDefault();
    else config.loadFromFile(given.file);
  } catch (cause) {
    throw new Error(`the kubeconfig (${from}) can not be read: ${messageOf(cause)}`, { cause });
  }
  if (given.context !== undefined) {
    const known = config.getContexts().map(({ name }) => name);
    if (!known.includes(given.context))
      throw new Error(
        `the kubeconfig (${from}) has no context ${given.context}; those that it has are ${known.join(', ') || 'none'}`,
      );
    config.setCurrentContext(given.context);
  }
  if (config.getCurrentCluster() === null)
    throw new Error(
      `the kubeconfig (${from}) names no cluster. Remedy: give its file and context in the options.`,
    );
  return connectionOf(config);
}

/** Its token changes every hour, in its file, which is read again. */
export function connectInCluster(): Connection {
  const config = new KubeConfig();
  try {
    config.loadFromCluster();
  } catch (cause) {
    throw new Error(
      "this process is not in a pod with a service account's token, which auth 'inCluster' wants. " +
        "Remedy: run it in the cluster, or take auth 'kubeconfig' or 'eks'.",
      { cause },
    );
  }
  return connectionOf(config);
}

function connectionOf(config: KubeConfig): Connection {
  let kept: { agent: Agent; key: string } | null = null;
  /** For a proxy on this machine, such as `kubectl proxy`, which has proven who we are. */
  const plain = new PlainAgent({ keepAlive: true, maxSockets: socketsMax });

  async function access(): Promise<Access> {
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig names no cluster');
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const headers = Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([key, value]) => [key, String(value)]),
    );
    if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    const agent = agentOf(cluster.server, cluster.proxyUrl !== undefined, options);
    return { server: cluster.server, headers, agent };
  }

  function agentOf(server: string, isProxied: boolean, options: RequestOptions): PlainAgent {
    // The client's own knows the way through a proxy.
    if (isProxied && options.agent instanceof PlainAgent) return options.agent;
    return server.startsWith('http:') ? plain : agentFor(options);
  }

  /** A program that prints a certificate prints another one some day. */
  function agentFor({ ca, cert, key, passphrase, rejectUnauthorized, servername }: RequestOptions): Agent {
    const trust = { ca, cert, key, passphrase, rejectUnauthorized, servername };
    const text = JSON.stringify(trust, (_, value: unknown) =>
      Buffer.isBuffer(value) ? value.toString() : value,
    );
    if (kept?.key !== text) {
      kept?.agent.destroy();
      const given = Object.fromEntries(Object.entries(trust).filter(([, value]) => value !== undefined));
      kept = { key: text, agent: new Agent({ ...given, keepAlive: true, maxSockets: socketsMax }) };
    }
    return kept.agent;
  }

  return {
    access,
    forget: () => {},
    close() {
      kept?.agent.destroy();
      plain.destroy();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
