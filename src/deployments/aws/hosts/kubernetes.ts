// Pods of an EKS cluster: which one, and as whom, comes from the environment. No function lives long enough to watch:
// what ends is told by the host's list.

import { connectToEks } from '../../../adapters/hosts/kubernetes/connect/eks.ts';
import { createKubernetesHost } from '../../../adapters/hosts/kubernetes/index.ts';
import { readMade } from '../../../adapters/hosts/kubernetes/made.ts';
import { kubernetesHostOptions, kubernetesTraits } from '../../../adapters/hosts/kubernetes/options.ts';
import { type Configuration, poolByName } from '../../../core/configuration.ts';
import { readBundled } from '../bundled.ts';
import type { HostOpener } from '../host-opener.ts';

export const open: HostOpener['open'] = ({ settings, deployment, clock, random, environment }) => {
  const { cluster, role, images } = readMade(environment, settings.name);
  return createKubernetesHost({
    deployment,
    host: settings.name,
    options: { ...kubernetesHostOptions.parse(settings.options), watch: false },
    osOf: (pool) => poolByName(configuration(), pool)?.os ?? 'linux',
    images: images ?? null,
    connection: connectToEks({ cluster, role, clock }),
    clock,
    random,
    onWarning: () => {},
  });
};

export const traits: HostOpener['traits'] = ({ options }) =>
  kubernetesTraits(kubernetesHostOptions.parse(options));

/** EKS tells nobody of pods. */
export const readEvent: HostOpener['readEvent'] = () => null;

let read: Configuration | null = null;

/** Who only looks and terminates needs none of it. */
function configuration(): Configuration {
  read ??= readBundled().configuration;
  return read;
}
