import type { KeyTexts } from "../../config/key-texts.ts";
import type { Selection } from "../../core/selection.ts";

/**
 * What a command line of `sops` asks for, subcommand or legacy root form alike. Made by `parseSopsArgs`
 * (sops-args.ts), run by `runSops` (sops.ts).
 */
export type SopsInvocation =
  | (EncryptFlags & { readonly command: "encrypt"; readonly file: string | undefined } & Target)
  | (OpenFlags & {
      readonly command: "decrypt";
      readonly file: string | undefined;
      readonly extract: string | undefined;
    } & Target)
  | (EncryptFlags &
      OpenFlags & {
        readonly command: "edit";
        readonly file: string;
        readonly showMasterKeys: boolean;
      })
  | (OpenFlags & {
      readonly command: "rotate";
      readonly file: string;
      /** Called as `sops -r`, which has other statuses for a file that is missing. */
      readonly isLegacy: boolean;
      readonly add: KeyTexts;
      readonly remove: KeyTexts;
    } & Target)
  | (OpenFlags & {
      readonly command: "set";
      readonly file: string;
      readonly path: string;
      /** JSON text on the command line, or where it is read from. */
      readonly value: { readonly json: string } | { readonly file: string } | "stdin";
      readonly idempotent: boolean;
    } & Partial<Target>)
  | (OpenFlags & {
      readonly command: "unset";
      readonly file: string;
      readonly path: string;
      readonly idempotent: boolean;
    })
  | {
      readonly command: "updatekeys";
      readonly files: readonly string[];
      readonly yes: boolean;
      readonly inputType: string | undefined;
      readonly config: string | undefined;
    }
  | {
      readonly command: "groups-add";
      readonly file: string;
      readonly config: string | undefined;
      readonly indent: string | undefined;
      readonly inPlace: boolean;
      readonly keys: KeyTexts;
      readonly threshold: number | undefined;
    }
  | {
      readonly command: "groups-delete";
      readonly file: string;
      readonly config: string | undefined;
      readonly indent: string | undefined;
      readonly inPlace: boolean;
      readonly index: string;
      readonly threshold: number | undefined;
    }
  | (OpenFlags & {
      readonly command: "exec-env";
      readonly file: string;
      readonly line: string;
      readonly pristine: boolean;
      readonly sameProcess: boolean;
      readonly user: string | undefined;
    })
  | (OpenFlags & {
      readonly command: "exec-file";
      readonly file: string;
      readonly line: string;
      readonly noFifo: boolean;
      readonly fileName: string | undefined;
      readonly user: string | undefined;
    })
  | {
      readonly command: "filestatus";
      readonly file: string;
      readonly config: string | undefined;
      readonly inputType: string | undefined;
    }
  | { readonly command: "version" }
  /** `--help` and `completion`: text for standard output. */
  | { readonly command: "print"; readonly text: string }
  /** Key services, publish: known, and told to come in a later version. */
  | { readonly command: "later"; readonly what: string };

/** Flags that every command may have. */
export interface CommonFlags {
  readonly config: string | undefined;
  readonly indent: string | undefined;
  readonly inputType: string | undefined;
  readonly outputType: string | undefined;
  readonly filenameOverride: string | undefined;
}

/** Flags of commands that open a file. */
export interface OpenFlags extends CommonFlags {
  readonly ignoreMac: boolean;
  readonly decryptionOrder: string | undefined;
}

/** Flags of commands that make new encrypted files. */
export interface EncryptFlags extends CommonFlags {
  /** Empty when neither flags nor variables name keys. */
  readonly keys: KeyTexts;
  readonly selection: Selection | undefined;
  readonly macOnlyEncrypted: boolean;
  readonly threshold: number | undefined;
}

/** Where the result goes. */
export interface Target {
  readonly inPlace: boolean;
  readonly output: string | undefined;
}
