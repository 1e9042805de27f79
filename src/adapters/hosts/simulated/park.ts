// A park: a server of this computer in which the machines of simulated hosts live, so that a system of many processes
// has them in common. It is a stand-in: nothing runs on these machines but the program that is handed in. It owns the
// ground of each host; the deployments that call it see their own machines alone, as on a real host.

import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { z } from 'zod';
import { type DeploymentPrefix, type HostName, isHostName, type RunnerName } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { HostEvent } from '../../../ports/host.ts';
import { createEndingClock } from './ending-clock.ts';
import type { SimulatedFaults } from './faults.ts';
import {
  createSimulatedGround,
  type SimulatedGround,
  type SimulatedObserver,
  type SimulatedProgram,
} from './ground.ts';
import { createSimulatedHost, type SimulatedHost } from './index.ts';
import type { SimulatedHostOptions } from './options.ts';
import {
  activateBody,
  launchBody,
  listBody,
  parkBytesMax,
  standByBody,
  targetBody,
} from './park-protocol.ts';

interface ParkHost {
  name: HostName;
  /** As the configuration gives them to the host: the park plays what its clients promise. */
  options: SimulatedHostOptions;
  faults?: SimulatedFaults;
  /** Told of births and deaths as they are, whatever the calls say. */
  observer?: SimulatedObserver;
}

export interface ParkOptions {
  clock: Clock;
  random: Random;
  hosts: readonly ParkHost[];
  /** What machines run. */
  program: SimulatedProgram;
  /** What each call has to show: other users of this computer reach the port too. */
  token: string;
  /** One try for each event: what it rejects is the event's loss. */
  onEvent: (host: HostName, event: HostEvent) => Promise<void>;
  /** 0 (the default) takes a free one; always on loopback. */
  port?: number;
}

export interface Park {
  readonly url: string;
  /** One more, for whoever has to know the park's address before. */
  addHost(host: ParkHost): void;
  ground(host: HostName): SimulatedGround;
  /** The machine dies at once; see `SimulatedHost`. */
  vanish(host: HostName, name: RunnerName, how: { cause: string; silently: boolean }): boolean;
  /** All machines die without a word. */
  close(): Promise<void>;
}

/** Each start of a system on new data is one more; beyond this somebody invents them. */
const deploymentsMax = 100;
const address = '127.0.0.1';

interface Place {
  host: ParkHost;
  ground: SimulatedGround;
  byDeployment: Map<DeploymentPrefix, SimulatedHost>;
}

export async function startPark(options: ParkOptions): Promise<Park> {
  const { clock, end } = createEndingClock(options.clock);
  const places = new Map<HostName, Place>();
  const addHost = (host: ParkHost): void => {
    const ground = createSimulatedGround({ clock, ...(host.observer && { observer: host.observer }) });
    places.set(host.name, { host, ground, byDeployment: new Map() });
  };
  for (const host of options.hosts) addHost(host);

  const placeOf = (host: HostName): Place => {
    const place = places.get(host);
    if (!place) throw new Error(`the park has no host ${host}: it has ${[...places.keys()].join(', ')}`);
    return place;
  };

  /** The host as this deployment sees it, `null` where there are too many of them. */
  function hostFor(place: Place, deployment: DeploymentPrefix): SimulatedHost | null {
    const known = place.byDeployment.get(deployment);
    if (known) return known;
    if (place.byDeployment.size >= deploymentsMax) return null;
    const { name, options: hostOptions, faults = {} } = place.host;
    const { random, program, onEvent } = options;
    const host = createSimulatedHost({
      deployment,
      options: hostOptions,
      clock,
      random,
      program,
      faults,
      ground: place.ground,
      onEvent: (event) => onEvent(name, event),
    });
    place.byDeployment.set(deployment, host);
    return host;
  }

  const app = createApp({ token: options.token, placeNamed: (name) => places.get(name), hostFor });
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = createServer((request, response) => void listener(request, response));
  await listen(server, options.port ?? 0);

  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    addHost,
    ground: (host) => placeOf(host).ground,
    vanish: (host, name, how) =>
      [...placeOf(host).byDeployment.values()].some((seen) => seen.vanish(name, how)),
    close() {
      for (const { ground, byDeployment } of places.values()) {
        for (const host of byDeployment.values()) host.close();
        for (const machine of ground.all()) ground.die(machine, 'the park is closed', true);
      }
      end();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

interface AppDeps {
  token: string;
  placeNamed(name: HostName): Place | undefined;
  hostFor(place: Place, deployment: DeploymentPrefix): SimulatedHost | null;
}

function createApp({ token, placeNamed, hostFor }: AppDeps): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    c.header('x-simulated-host', 'stand-in');
    const given = c.req.header('authorization') ?? '';
    if (!isSame(given, `Bearer ${token}`)) return refuse(c, 401, "the token is not this park's");
    return next();
  });
  app.use(
    bodyLimit({ maxSize: parkBytesMax, onError: (c) => refuse(c, 413, `more than ${parkBytesMax} bytes`) }),
  );
  app.notFound((c) => refuse(c, 404, 'there is no such call'));
  // A call that throws may have taken effect: whoever made it is told so.
  app.onError((error, c) => c.json({ message: error.message.slice(0, messageLengthMax) }, 504));

  /** A call of one host, once its body is parsed and the deployment's view of the host is found. */
  function route<Schema extends z.ZodType>(
    name: string,
    schema: Schema,
    deploymentOf: (body: z.output<Schema>) => DeploymentPrefix,
    call: (host: SimulatedHost, body: z.output<Schema>) => Promise<object>,
  ): void {
    app.post(`/hosts/:host/${name}`, async (c) => {
      const hostName = c.req.param('host') ?? '';
      const place = isHostName(hostName) ? placeNamed(hostName) : undefined;
      if (!place) return refuse(c, 404, 'there is no such host here');
      const body = schema.safeParse(await c.req.json().catch(() => null));
      if (!body.success) return refuse(c, 400, `this is not what ${name} takes: ${pathsOf(body.error)}`);
      const host = hostFor(place, deploymentOf(body.data));
      if (!host) return refuse(c, 429, `more than ${deploymentsMax} deployments`);
      return c.json(await call(host, body.data));
    });
  }

  const ofRequest = ({ request }: z.output<typeof launchBody>) => request.deployment;
  const ofBody = ({ deployment }: z.output<typeof listBody>) => deployment;
  route('launch', launchBody, ofRequest, (host, { request }) => host.launch(request));
  route('activate', activateBody, ofRequest, (host, { request, machine }) => host.activate(request, machine));
  route('stand-by', standByBody, ofBody, async (host, { machine, settings, before }) => ({
    answer: await host.standBy(machine, settings, before),
  }));
  route('terminate', targetBody, ofBody, async (host, { target }) => ({
    answer: await host.terminate(target),
  }));
  route('describe', targetBody, ofBody, async (host, { target }) => ({ state: await host.describe(target) }));
  route('list', listBody, ofBody, async (host) => ({ machines: await host.list() }));
  return app;
}

const messageLengthMax = 1000;

function refuse(c: Context, status: 400 | 401 | 404 | 413 | 429, message: string): Response {
  return c.json({ message }, status);
}

/** Where it is wrong, and never what was there: a body carries a token. */
function pathsOf(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
    .join('; ')
    .slice(0, messageLengthMax);
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
