/** Names that Sealed Secrets gave, and that stay so that existing objects keep working. */

/** Where every SealedSecret is found. */
export const sealedSecretsApi = {
  group: "bitnami.com",
  version: "v1alpha1",
  plural: "sealedsecrets",
} as const;

const prefix = "sealedsecrets.bitnami.com/";

/** On an existing Secret: the controller may overwrite and own it. */
export const managedAnnotation: string = `${prefix}managed`;
/** On an existing Secret: the controller may write its own keys into it. */
export const patchAnnotation: string = `${prefix}patch`;
/** On the template: the Secret outlives its SealedSecret. */
export const skipOwnerAnnotation: string = `${prefix}skip-set-owner-references`;
/** The label of the Secrets that hold sealing keys; loaded are those with the value `active`. */
export const keyLabel: string = `${prefix}sealed-secrets-key`;

/** On a SealedSecret: nothing is done about it while the value is `true`. */
export const suspendAnnotation = "kseal.dev/suspend";
/** On a SealedSecret: with `true` its Secret is not owned, and so stays when the SealedSecret goes. */
export const orphanAnnotation = "kseal.dev/orphan-on-delete";
/** On a SealedSecret: another value than before makes the controller open and write everything again. */
export const forceSyncAnnotation = "kseal.dev/force-sync";

/** On the produced Secret: a hash of what it was made from, all of which is public. */
export const inputsAnnotation = "kseal.dev/inputs";
/** On the produced Secret: the fingerprints of the keys that opened its values. */
export const openedByAnnotation = "kseal.dev/opened-by";
/** On a produced Secret without an owner reference: the uid of the SealedSecret it belongs to. */
export const belongsToAnnotation = "kseal.dev/belongs-to";

/** Who writes, in `managedFields`. */
export const fieldManager = "kseal-controller";
/** The source of events, as upstream's. */
export const eventSource = "sealed-secrets";
