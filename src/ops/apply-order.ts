import type { ApplyObject } from "./apply-object.ts";

/**
 * What others need comes first: namespaces, definitions of kinds, rights and policies, then Secrets and what holds them,
 * then everything else, what runs in pods, and at the end what may refuse or answer for the rest.
 */
const ranks: Readonly<Record<string, number>> = {
  Namespace: 0,
  CustomResourceDefinition: 1,
  ServiceAccount: 2,
  Role: 2,
  ClusterRole: 2,
  RoleBinding: 2,
  ClusterRoleBinding: 2,
  PriorityClass: 2,
  StorageClass: 2,
  ResourceQuota: 2,
  LimitRange: 2,
  Secret: 3,
  SealedSecret: 3,
  ConfigMap: 3,
  Deployment: 5,
  StatefulSet: 5,
  DaemonSet: 5,
  ReplicaSet: 5,
  ReplicationController: 5,
  Pod: 5,
  Job: 5,
  CronJob: 5,
  APIService: 6,
  ValidatingWebhookConfiguration: 6,
  MutatingWebhookConfiguration: 6,
  ValidatingAdmissionPolicy: 6,
  ValidatingAdmissionPolicyBinding: 6,
};
const anythingElse = 4;

/** Objects in the groups in which they are applied, one group after the other; in a group in the order of the files. */
export function inOrder<T extends Pick<ApplyObject, "kind">>(
  objects: readonly T[],
): readonly (readonly T[])[] {
  const groups = Map.groupBy(objects, ({ kind }) => rankOf(kind));
  return [...groups].toSorted(([a], [b]) => a - b).map(([, group]) => group);
}

function rankOf(kind: string): number {
  return Object.hasOwn(ranks, kind) ? (ranks[kind] ?? anythingElse) : anythingElse;
}
