// What has to be said otherwise to a template so that an emulator on this machine can run it. Each change is one that
// the real deployment does not need, and none hides what the template says: mappings keep their settings, and rules
// their targets.
//
//   mappings     off: the emulator's own runner is not Lambda's (see mappings/)
//   schedules    off: whoever runs the system says when a minute has passed
//   functions    their SDK calls go by the wire, with the function's name; machines claim by the gateway
//   alarms' e-mail, log groups, and all else   as they are

export interface Surroundings {
  /** Where functions reach AWS. */
  endpointUrl: string;
  /** Where the HTTP API is reached. */
  apiUrl: string;
}

export interface Template {
  Resources?: Record<string, Resource>;
  [section: string]: unknown;
}

export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
  [attribute: string]: unknown;
}

/** A copy; the given template stays as it is. */
export function adapted(template: Template, surroundings: Surroundings): Template {
  const copy = structuredClone(template);
  for (const [id, resource] of Object.entries(copy.Resources ?? {})) adapt(id, resource, surroundings);
  return copy;
}

function adapt(id: string, resource: Resource, { endpointUrl, apiUrl }: Surroundings): void {
  resource.Properties ??= {};
  const properties = resource.Properties;
  switch (resource.Type) {
    case 'AWS::Lambda::EventSourceMapping':
      properties['Enabled'] = false;
      return;
    case 'AWS::Events::Rule':
      if (properties['ScheduleExpression'] !== undefined) properties['State'] = 'DISABLED';
      return;
    case 'AWS::Scheduler::Schedule':
      properties['State'] = 'DISABLED';
      return;
    case 'AWS::Lambda::Function': {
      const environment = (properties['Environment'] ?? {}) as { Variables?: Record<string, unknown> };
      const variables = { ...environment.Variables, AWS_ENDPOINT_URL: endpointUrl, AWS_SDK_UA_APP_ID: id };
      if ('CLAIM_URL' in variables) Object.assign(variables, { CLAIM_URL: `${apiUrl}/runners/claim` });
      properties['Environment'] = { ...environment, Variables: variables };
      return;
    }
  }
}
