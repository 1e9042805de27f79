// Whether what is configured can be deployed: a host is made where its machines live, and some live elsewhere.

import { existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { identityKeys } from '../../../../adapters/hosts/ec2/identity-keys.ts';
import { ec2HostOptions } from '../../../../adapters/hosts/ec2/options.ts';
import { lambdaMachine } from '../../../../adapters/hosts/lambda/options.ts';
import { type Problem, placeOf } from '../../../../config/problem.ts';
import type { Configuration } from '../../../../core/configuration.ts';

export function checkHosts(
  { hosts }: Pick<Configuration, 'hosts'>,
  deployable: readonly string[],
  isEmulator: boolean,
): Problem[] {
  const usable = isEmulator ? deployable : deployable.filter((type) => type !== standIn);
  const allowed =
    usable.length === 0
      ? 'no type of host yet but the stand-in, on an emulator: AWS_ENDPOINT_URL on this machine'
      : `a host of type ${usable.join(', ')}`;
  const problems = hosts
    .filter(({ type }) => !usable.includes(type))
    .map(({ name, type }) => ({
      place: placeOf('hosts', name),
      what: whyNot(type),
      allowed,
      remedy: 'give it another type, or write a configuration for AWS alone and name it by RUNNERS_CONFIG',
    }));
  if (hosts.length > 0) return problems;
  return [{ place: 'hosts', what: 'there are none', allowed, remedy: 'write one, with its pools' }];
}

/** Machines of EC2 prove themselves by a document that their region signs; without its key none could ever claim. */
export function checkIdentityKeys({ hosts }: Pick<Configuration, 'hosts'>, region: string): Problem[] {
  if (Object.hasOwn(identityKeys, region)) return [];
  return hosts
    .filter(({ type, options }) => type === 'ec2' && !ec2HostOptions.parse(options).identityCertificate)
    .map(({ name }) => ({
      place: placeOf('hosts', name),
      what: `region ${region} is newer than this version, which does not know the key that signs its machines' documents`,
      allowed: Object.keys(identityKeys).sort().join(', '),
      remedy:
        "give the certificate that AWS publishes for the region (EC2: Instance identity documents, RSA-2048) as the host's identityCertificate",
    }));
}

/** Images of functions are built here, by the program that the CDK calls for it. */
export function checkImageBuilder(
  { hosts, pools }: Pick<Configuration, 'hosts' | 'pools'>,
  { CDK_DOCKER: program = 'docker', PATH = '' }: Readonly<Record<string, string | undefined>>,
): Problem[] {
  const onLambda = new Set(hosts.filter(({ type }) => type === 'lambda').map(({ name }) => name));
  const built = pools.filter(
    ({ host, machine }) => onLambda.has(host) && lambdaMachine.parse(machine).image === undefined,
  );
  const folders = isAbsolute(program) ? [''] : PATH.split(delimiter).filter(Boolean);
  if (built.length === 0 || folders.some((folder) => existsSync(join(folder, program)))) return [];
  return built.map(({ name }) => ({
    place: placeOf('pools', name, 'machine'),
    what: `its image would be built by this deploy, with ${program}, which is not there`,
    allowed: 'an image in ECR, or a program that builds one',
    remedy:
      'name an image that was built elsewhere as its machine.image (docs/hosts/lambda.md), or install Docker, or name by CDK_DOCKER what takes its commands',
  }));
}

const standIn = 'simulated';

function whyNot(type: string): string {
  if (type === 'local')
    return "its type is 'local': its machines are processes beside `make start`, and functions have none";
  if (type === standIn)
    return `its type is '${standIn}', a stand-in for tests: nothing would ever run a job in a real account`;
  return `its type is '${type}', which can not be deployed`;
}
