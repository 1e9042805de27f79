// From what somebody wrote to the configuration that everything else trusts. All problems are found in one go: each
// host and each pool is read by itself, so that a mistake in one hides nothing in another, and the rules over the
// whole look at whatever could be read.

import type { Configuration } from '../core/configuration.ts';
import type { AwsSettings } from './aws.ts';
import { draftOf, inTermsOfHosts } from './draft.ts';
import { hostTypes as allHostTypes, type HostTypes } from './host-types.ts';
import { normalise } from './normalise.ts';
import { plainData } from './plain-data.ts';
import { ConfigurationError, type Problem, type Warning } from './problem.ts';
import { readPart } from './read-part.ts';
import { problemsOfAll, warningsOfAll } from './rules.ts';
import { configurationSchema } from './schema.ts';

export interface Accepted {
  configuration: Configuration;
  /** Of the deployment on AWS. */
  aws: AwsSettings;
  warnings: Warning[];
}

export type Checked = ({ outcome: 'accepted' } & Accepted) | { outcome: 'refused'; problems: Problem[] };

export function checkConfiguration(written: unknown, hostTypes: HostTypes = allHostTypes): Checked {
  const { data, problems: notData } = plainData(written);
  const whole = readPart(configurationSchema, data);
  const draft = draftOf(data, hostTypes);
  const inTerms = inTermsOfHosts(draft);
  const problems = [...notData, ...whole.problems, ...inTerms.problems, ...problemsOfAll(draft)];
  if (problems.length > 0 || whole.value === null) {
    return { outcome: 'refused', problems: firstOfEachPlace(problems) };
  }
  const configuration = normalise(whole.value, hostTypes, inTerms);
  return { outcome: 'accepted', configuration, aws: whole.value.aws, warnings: warningsOfAll(draft) };
}

/** For callers that can not go on without: throws with all problems. `source` names the configuration in it. */
export function demandConfiguration(
  written: unknown,
  source = 'The configuration',
  hostTypes: HostTypes = allHostTypes,
): Accepted {
  const checked = checkConfiguration(written, hostTypes);
  if (checked.outcome === 'refused') throw new ConfigurationError(source, checked.problems);
  return checked;
}

/** What is no data, for one, has no value for the schema either. */
function firstOfEachPlace(problems: Problem[]): Problem[] {
  const first = problems.filter(({ place }, at) => problems.findIndex((p) => p.place === place) === at);
  return first.sort((a, b) => (a.place < b.place ? -1 : Number(a.place > b.place)));
}
