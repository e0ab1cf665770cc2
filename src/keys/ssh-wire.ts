/** Reads the binary form of SSH: numbers of four bytes, and strings that begin with their length. */
export class SshReader {
  readonly #bytes: Uint8Array;
  #offset = 0;
  /** Set by the first read beyond the end; what is read after that is empty. */
  failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get rest(): Uint8Array {
    return this.#bytes.subarray(this.#offset);
  }

  number(): number {
    const bytes = this.take(4);
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  string(): Uint8Array {
    return this.take(this.number());
  }

  text(): string {
    return new TextDecoder("latin1").decode(this.string());
  }

  take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#offset) {
      this.failed = true;
      this.#offset = this.#bytes.length;
      return new Uint8Array();
    }
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }
}
