// Where things are in the image. A program may be told otherwise by its one argument, as tests do; nothing in it is secret.

export interface Places {
  /** On which the platform calls the hooks. */
  port: number;
  /** The program that claims and runs the runner. */
  work: string;
  runnerFolder: string;
  /** Whose processes jobs are. */
  user: string;
  /** `null`: there is no Docker in this image. */
  dockerd: string | null;
  dockerSocket: string;
  dockerLog: string;
  /** Between two claims, where the answer does not say. */
  pauseSeconds: number;
}

export const hooksPort = 9000;

const places: Places = {
  port: hooksPort,
  work: '/opt/ephemeral-runner/work.mjs',
  runnerFolder: '/opt/actions-runner',
  user: 'runner',
  dockerd: '/usr/bin/dockerd',
  dockerSocket: '/var/run/docker.sock',
  dockerLog: '/var/log/dockerd.log',
  pauseSeconds: 5,
};

export function placesFrom(argument: string | undefined): Places {
  return argument === undefined ? places : { ...places, ...(JSON.parse(argument) as Partial<Places>) };
}
