// Lambda hands a function its role's credentials by the environment, and by nothing else; they outlive the environment.
// The bundler puts this in the place of the SDK's chain, which would look for them in files, at other services and by a
// sign-in too, with as much code. [AWS: Lambda environment variables]

import { env } from 'node:process';

export function defaultProvider() {
  return async () => {
    const accessKeyId = env['AWS_ACCESS_KEY_ID'];
    const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'];
    const sessionToken = env['AWS_SESSION_TOKEN'];
    if (!accessKeyId || !secretAccessKey) {
      throw new Error(
        'this function has no credentials: Lambda sets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. ' +
          'Remedy: run it with a role, or set them.',
      );
    }
    return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  };
}
