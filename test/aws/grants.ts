// What each function's role grants, read from the templates, beside what the functions were seen to do.

import type { DeployedStack } from '../../src/deployments/aws/emulated/deploy/index.ts';
import { functionsOf } from '../../src/deployments/aws/emulated/deploy/surroundings.ts';
import type { RecordedCall } from '../../src/deployments/aws/emulated/wire/index.ts';

interface Statement {
  Action: string | string[];
}

/** By the function, as the wire knows it. */
export function grantedActions(stacks: readonly DeployedStack[]): Map<string, Set<string>> {
  const granted = new Map<string, Set<string>>();
  for (const { logicalId, caller, stack } of functionsOf(stacks)) {
    const resources = stack.template.Resources ?? {};
    const role = referenced(resources[logicalId]?.Properties?.['Role']);
    const statements = Object.values(resources).flatMap(({ Type, Properties = {} }) => {
      if (Type === 'AWS::IAM::Policy' && isOfRole(Properties['Roles'], role)) {
        return statementsOf(Properties['PolicyDocument']);
      }
      return [];
    });
    const inline = (resources[role]?.Properties?.['Policies'] ?? []) as { PolicyDocument: unknown }[];
    statements.push(...inline.flatMap(({ PolicyDocument }) => statementsOf(PolicyDocument)));
    granted.set(caller, new Set(statements.flatMap(({ Action }) => Action)));
  }
  return granted;
}

/** The same. */
export function usedActions(calls: readonly RecordedCall[]): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  for (const { caller, actions } of calls) {
    if (caller === null) continue;
    const own = used.get(caller) ?? new Set();
    for (const action of actions) own.add(action);
    used.set(caller, own);
  }
  return used;
}

function statementsOf(document: unknown): Statement[] {
  return (document as { Statement: Statement[] }).Statement;
}

function referenced(value: unknown): string {
  const { Ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: [string, string] };
  return Ref ?? attribute?.[0] ?? '';
}

function isOfRole(roles: unknown, role: string): boolean {
  return ((roles ?? []) as unknown[]).some((one) => referenced(one) === role);
}

/** Of one kind are the launchers of all hosts: what one was seen to do, any may have to. */
export function kindOf(caller: string): string {
  return caller.includes('.') ? caller.slice(0, caller.indexOf('.')) : caller.replace(/Function\w+$/, '');
}
