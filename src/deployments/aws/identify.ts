// Which machine a signed document is about, for the doors that machines knock at: asked of the type of the host that
// the runner's name names.

import { hostByName, poolsOfHost } from '../../core/configuration.ts';
import type { HostName } from '../../core/ids.ts';
import { readable } from '../../core/reason.ts';
import type { Identify } from '../../flow/producer/proof.ts';
import type { EpochMs } from '../../ports/clock.ts';
import type { Context } from '../stations.ts';
import type { Environment } from './environment.ts';
import type { Identifiers } from './host-opener.ts';

/** Anybody can send what proves nothing, as often as the route's throttle lets them. */
const sayAgainMs = 60_000;

export function identifyBy(
  identifiers: Identifiers,
  { configuration, clock, telemetry }: Context,
  { ACCOUNT_ID: account, REGION: region }: Pick<Environment, 'ACCOUNT_ID' | 'REGION'>,
): Identify {
  let saidAt: EpochMs = Number.NEGATIVE_INFINITY;

  /** The machine hears nothing of it, as anybody may ask; whoever looks for why none claims finds it in the log. */
  function say(host: HostName, why: string): void {
    if (clock.now() - saidAt < sayAgainMs) return;
    saidAt = clock.now();
    telemetry.log('warn', 'a machine could not prove who it is', { host, why: readable(why) });
  }

  return (host, identity) => {
    const settings = hostByName(configuration, host);
    if (!settings) return null;
    const pools = poolsOfHost(configuration, host);
    const given = { settings, pools, account, region, now: clock.now() };
    const identified = identifiers[settings.type]?.identify(identity, given) ?? {
      why: `machines of a host of type ${settings.type} have no such document`,
    };
    if ('machine' in identified) return identified.machine;
    say(host, identified.why);
    return null;
  };
}
