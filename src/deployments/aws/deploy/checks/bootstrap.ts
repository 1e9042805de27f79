// The CDK's bootstrap: a bucket for what is uploaded and the roles that a deployment works with, once for each account
// and region.

import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { Problem } from '../../../../config/problem.ts';
import { readable } from '../../../../core/reason.ts';

/** The CDK's own default qualifier; its bootstrap leaves its version there. */
const bootstrapParameter = '/cdk-bootstrap/hnb659fds/version';

/** What stacks of this version of the CDK demand in their templates. */
const versionMin = 6;

export type BootstrapSeen = { outcome: 'there' } | { outcome: 'missing' | 'denied'; problem: Problem };

export async function readBootstrap(ssm: SSMClient, account: string, region: string): Promise<BootstrapSeen> {
  const command = `\`npx cdk bootstrap aws://${account}/${region}\`, or repeat this command with --bootstrap`;
  const problemOf = (what: string, remedy: string): Problem => ({
    place: 'CDK bootstrap',
    what,
    allowed: `version ${versionMin} or later of the CDK's bootstrap in account ${account}, region ${region}`,
    remedy,
  });
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: bootstrapParameter }));
    const version = Number(Parameter?.Value);
    if (version >= versionMin) return { outcome: 'there' };
    const what = `its version is ${readable(Parameter?.Value ?? 'not told')}, which is too old`;
    return { outcome: 'missing', problem: problemOf(what, `run ${command}`) };
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (name === 'ParameterNotFound') {
      const what = 'this account was never prepared for the CDK in this region';
      return { outcome: 'missing', problem: problemOf(what, `run ${command}`) };
    }
    const message = error instanceof Error ? readable(error.message) : String(error);
    return {
      outcome: 'denied',
      problem: problemOf(
        `whether it is there can not be seen: ${message}`,
        `allow ssm:GetParameter on ${bootstrapParameter}`,
      ),
    };
  }
}
