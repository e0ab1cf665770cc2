declare module "bcrypt-pbkdf" {
  const bcrypt: {
    /** Fills `key`; gives 0 unless an argument is out of range. */
    pbkdf(
      passphrase: Uint8Array,
      passphraseLength: number,
      salt: Uint8Array,
      saltLength: number,
      key: Uint8Array,
      keyLength: number,
      rounds: number,
    ): number;
  };
  export = bcrypt;
}
