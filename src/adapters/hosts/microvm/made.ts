// What the infrastructure has made for a host, as the adapter is told by its environment: an image for each pool. All of
// them have names that begin alike, and so tell which machines are this host's: also those of a pool that is no more.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { HostName, PoolName } from '../../../core/ids.ts';
import { readToldMade } from '../made.ts';

/** `<version of the image>/<seconds that a runner of it may live>/<spares>`: short, as 40 of them have to fit. */
const poolPattern = /^(?<version>[^/\s]{1,64})\/(?<lifeSeconds>\d{1,6})\/(?<spares>[01])$/;

const madeSchema = z.object({
  imagePrefix: z.string().regex(/^arn:[\w-]+:lambda:[a-z0-9-]+:\d{12}:microvm-image:[\w-]+_$/),
  pools: z.record(z.string(), z.string().regex(poolPattern)),
  /** What lets nobody in. */
  ingress: z.string().min(1).max(2048),
  egress: z.string().min(1).max(2048),
});

export interface MadePool {
  image: string;
  /** The one that is launched. */
  version: string;
  /** What a runner of this pool needs from its launch, or its activation, to its last moment. */
  lifeSeconds: number;
  /** It has spares, so any of its machines may have stood by for a while before its job. */
  hasSpares: boolean;
}

export interface Made {
  imagePrefix: string;
  pools: ReadonlyMap<string, MadePool>;
  ingress: string;
  egress: string;
}

/** One for each host: the Reconciler's function looks at all of them. */
export function madeVariable(host: HostName): string {
  return `MICROVM_${host.toUpperCase()}`;
}

/** What an image's name may be. [Lambda: CreateMicrovmImage] */
export const imageNameLengthMax = 64;
const poolLengthMax = 16;

/** No stack's, host's or pool's name has `_`, so one beginning is never within another. */
export function imagePrefixOf(stackName: string, host: HostName): string {
  return `${stackName}_${host}_`;
}

/** What stands behind the prefix: the pool's name, or so much of it as there is room for, told apart by a hash. */
export function imageSuffixOf(pool: PoolName): string {
  if (pool.length <= poolLengthMax) return pool;
  const hash = createHash('sha256').update(pool).digest('hex').slice(0, 6);
  return `${pool.slice(0, poolLengthMax - 7)}-${hash}`;
}

export function readMade(environment: Readonly<Record<string, string | undefined>>, host: HostName): Made {
  const told = readToldMade(environment, { host, variable: madeVariable(host), schema: madeSchema });
  const { imagePrefix, pools } = told;
  return {
    ...told,
    pools: new Map(Object.entries(pools).map(([pool, made]) => [pool, poolOf(imagePrefix, pool, made)])),
  };
}

function poolOf(imagePrefix: string, pool: string, told: string): MadePool {
  const { version = '', lifeSeconds = '', spares = '' } = poolPattern.exec(told)?.groups ?? {};
  return {
    image: `${imagePrefix}${imageSuffixOf(pool as PoolName)}`,
    version,
    lifeSeconds: Number(lifeSeconds),
    hasSpares: spares === '1',
  };
}
