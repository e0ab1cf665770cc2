import { defineVariadic } from "./sprig-definition.ts";
import { GoError, type GoFunction } from "./value.ts";

/**
 * Functions of Sprig that kseal does not have: bcrypt and the makers of certificates, which change the Secret at every
 * reconcile. A template may name them where they are not called.
 */
export const absentFunctions: readonly GoFunction[] = [
  "bcrypt",
  "buildCustomCert",
  "genCA",
  "genCAWithKey",
  "genSelfSignedCert",
  "genSelfSignedCertWithKey",
  "genSignedCert",
  "genSignedCertWithKey",
  "htpasswd",
].map((name) =>
  defineVariadic(name, ["interface {}"], () => {
    throw new GoError(`${name} is not supported by kseal`);
  }),
);
