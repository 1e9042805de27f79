// Simulated hosts beside an emulator of AWS: their machines live in a park on the same computer, since no function
// lives as long as a machine. A stand-in: a deployment to a real account is refused with such a host.

import { simulatedHostOptions, simulatedTraits } from '../../../adapters/hosts/simulated/options.ts';
import { parkEvent } from '../../../adapters/hosts/simulated/park-protocol.ts';
import { createRemoteSimulatedHost } from '../../../adapters/hosts/simulated/remote.ts';
import type { HostSettings } from '../../../core/configuration.ts';
import type { HostOpener } from '../host-opener.ts';

export { eventSource } from '../../../adapters/hosts/simulated/park-protocol.ts';

export const open: HostOpener['open'] = ({ settings, deployment, clock }) => {
  const options = simulatedHostOptions.parse(settings.options);
  const { url, token } = options;
  if (url === undefined || token === undefined) throw new Error(noPark(settings));
  const { name: host } = settings;
  return createRemoteSimulatedHost({
    host,
    deployment,
    traits: simulatedTraits(options),
    url,
    token,
    clock,
  });
};

export const traits: HostOpener['traits'] = (settings) =>
  simulatedTraits(simulatedHostOptions.parse(settings.options));

export const readEvent: HostOpener['readEvent'] = (event, settings) => {
  const read = parkEvent.safeParse(event);
  if (!read.success || read.data.detail.host !== settings.name) return null;
  const { name, machine, cause, at } = read.data.detail;
  return { name, machine, happened: 'gone', cause, at };
};

function noPark({ name }: HostSettings): string {
  return (
    `host ${name} is of type simulated and its options give no url and token of a park, where its machines would ` +
    'live: a function has no memory of its own. Remedy: give both, or take another type of host.'
  );
}
