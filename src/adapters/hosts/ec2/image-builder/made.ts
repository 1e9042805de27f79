// What the infrastructure has made for the images of a host, as the function that keeps them new is told by its
// environment.

import { z } from 'zod';
import type { HostName } from '../../../../core/ids.ts';
import { type BuiltName, builtNames } from './built.ts';

const madeSchema = z.object({
  /** The deployment's. */
  stack: z.string().min(1).max(128),
  /** By image: `[ARN of its pipeline, its recipe]`. */
  pipelines: z.partialRecord(
    z.enum(builtNames as [BuiltName, ...BuiltName[]]),
    z.tuple([z.string().regex(/^arn:[\w-]+:imagebuilder:[\w-]+:\d{12}:image-pipeline\/[\w-]+$/), z.string()]),
  ),
});

export interface MadeImage {
  name: BuiltName;
  host: HostName;
  stack: string;
  pipelineArn: string;
  recipe: string;
}

export function madeImagesVariable(host: HostName): string {
  return `EC2_IMAGES_${host.toUpperCase()}`;
}

/** None, where the host builds none. */
export function readMadeImages(
  environment: Readonly<Record<string, string | undefined>>,
  host: HostName,
): MadeImage[] {
  const text = environment[madeImagesVariable(host)];
  if (text === undefined) return [];
  const { stack, pipelines } = madeSchema.parse(JSON.parse(text));
  return Object.entries(pipelines).map(([name, [pipelineArn, recipe]]) => ({
    name: name as BuiltName,
    host,
    stack,
    pipelineArn,
    recipe,
  }));
}
