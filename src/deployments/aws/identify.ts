// Which machine a signed document is about, for the doors that machines knock at: asked of the type of the host that
// the runner's name names.

import { hostByName, poolsOfHost } from '../../core/configuration.ts';
import type { Identify } from '../../flow/producer/proof.ts';
import type { Context } from '../stations.ts';
import type { Environment } from './environment.ts';
import type { Identifiers } from './host-opener.ts';

export function identifyBy(
  identifiers: Identifiers,
  { configuration, clock }: Context,
  { ACCOUNT_ID: account, REGION: region }: Pick<Environment, 'ACCOUNT_ID' | 'REGION'>,
): Identify {
  return (host, identity) => {
    const settings = hostByName(configuration, host);
    if (!settings) return null;
    const pools = poolsOfHost(configuration, host);
    const given = { settings, pools, account, region, now: clock.now() };
    return identifiers[settings.type]?.identify(identity, given) ?? null;
  };
}
