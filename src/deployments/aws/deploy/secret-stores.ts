// Secrets by their ARN, which says where they are kept: Secrets Manager, or Parameter Store as SecureString.

import {
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager';
import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { deploymentTag } from '../outputs.ts';
import type { Clients } from './clients.ts';

export interface SecretStores {
  /** `null` where it holds nothing. */
  read(arn: string): Promise<string | null>;
  write(arn: string, text: string): Promise<void>;
  /** Gone at once, and not to be had back; nothing where it is gone already. */
  remove(arn: string): Promise<void>;
}

/** Names of AWS's errors for what is not there, or no longer. */
const absent = ['ResourceNotFoundException', 'ParameterNotFound', 'InvalidRequestException'];

export function createSecretStores(
  { secretsManager, ssm }: Pick<Clients, 'secretsManager' | 'ssm'>,
  deployment: string,
): SecretStores {
  return {
    async read(arn) {
      try {
        const parameter = parameterOf(arn);
        const text =
          parameter === null
            ? (await secretsManager.send(new GetSecretValueCommand({ SecretId: arn }))).SecretString
            : (await ssm.send(new GetParameterCommand({ Name: parameter, WithDecryption: true }))).Parameter
                ?.Value;
        return text || null;
      } catch (error) {
        if (isAbsent(error)) return null;
        throw failure(`The secret ${arn} can not be read`, error);
      }
    },

    async write(arn, text) {
      try {
        const parameter = parameterOf(arn);
        if (parameter === null) {
          await secretsManager.send(new PutSecretValueCommand({ SecretId: arn, SecretString: text }));
        } else {
          await writeParameter(parameter, text);
        }
      } catch (error) {
        throw failure(`The secret ${arn} can not be written`, error);
      }
    },

    async remove(arn) {
      try {
        const parameter = parameterOf(arn);
        if (parameter === null) {
          const command = new DeleteSecretCommand({ SecretId: arn, ForceDeleteWithoutRecovery: true });
          await secretsManager.send(command);
        } else {
          await ssm.send(new DeleteParameterCommand({ Name: parameter }));
        }
      } catch (error) {
        if (!isAbsent(error)) throw failure(`The secret ${arn} can not be deleted`, error);
      }
    },
  };

  /** A parameter takes tags only when it is made. */
  async function writeParameter(name: string, text: string): Promise<void> {
    const value = { Name: name, Value: text, Type: 'SecureString' } as const;
    try {
      const Tags = [{ Key: deploymentTag, Value: deployment }];
      await ssm.send(new PutParameterCommand({ ...value, Tags, Overwrite: false }));
    } catch (error) {
      if (!(error instanceof Error && error.name === 'ParameterAlreadyExists')) throw error;
      await ssm.send(new PutParameterCommand({ ...value, Overwrite: true }));
    }
  }
}

/** `/github-runners/app` of `arn:aws:ssm:…:parameter/github-runners/app`; `null` for one of Secrets Manager. */
function parameterOf(arn: string): string | null {
  const [, , service, , , resource = ''] = arn.split(':');
  return service === 'ssm' ? resource.replace(/^parameter/, '') : null;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && absent.includes(error.name);
}

/** AWS's words name the secret, never its value. */
function failure(what: string, error: unknown): Error {
  const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Error(`${what}: ${why}`, { cause: error });
}
