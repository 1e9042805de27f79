// Virtual machines of EC2: Linux, Windows and macOS.
//
//   launch     CreateFleet, instant, one machine; the client token is the runner's name and attempt
//   activate   CreateTags, then StartInstances where the spare was stopped
//   standBy    StopInstances, where spares wait stopped or hibernated
//   terminate  DescribeInstances (is it ours?), then TerminateInstances for each machine alone
//   describe   DescribeInstances;  list: by the deployment's tags, all pages
//   tend       DescribeHosts, then ReleaseHosts: dedicated hosts that it has allocated for macOS
//
// What a machine has to know it reads from its own tags, and it proves itself by its signed identity document. So
// nothing secret is in its user data, its tags or its metadata.

import type { Host } from '../../../ports/host.ts';
import { activate } from './activate.ts';
import type { HostContext } from './context.ts';
import { describe } from './describe.ts';
import { launch } from './launch.ts';
import { createList } from './list.ts';
import { ec2Traits } from './options.ts';
import { remembered } from './remembered.ts';
import { standBy } from './stand-by.ts';
import { createTend } from './tend.ts';
import { terminate } from './terminate.ts';

export type { HostContext as Ec2HostDeps } from './context.ts';

export function createEc2Host(deps: HostContext): Required<Host> {
  const context = { ...deps, offers: remembered(deps.offers) };
  return {
    traits: ec2Traits(),
    launch: (request) => launch(context, request),
    activate: (request, machine) => activate(context, request, machine),
    terminate: (target) => terminate(context, target),
    describe: (target) => describe(context, target),
    list: createList(context),
    standBy: (machine, settings, before) => standBy(context, machine, settings, before),
    tend: createTend(context),
  };
}
