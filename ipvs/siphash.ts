const MASK = 0xffff_ffff_ffff_ffffn;

/**
 * The kernel's `hsiphash` of one 32-bit number on a 64-bit machine: the lower half of SipHash-1-3 (lib/siphash.c). On 32-bit
 * machines the kernel takes HalfSipHash instead; directors are not of that kind.
 *
 * @param key both halves of the key
 */
export function hsiphash(value: number, key: readonly [bigint, bigint]): number {
  const state = new Sip(key);
  // The length of the message is in the highest byte of its last block; here that is the only one.
  return state.absorb((4n << 56n) | BigInt(value >>> 0)).digest();
}

class Sip {
  #v: [bigint, bigint, bigint, bigint];

  constructor([first, second]: readonly [bigint, bigint]) {
    // "somepseudorandomlygeneratedbytes", as SipHash's authors have it.
    this.#v = [
      first ^ 0x736f6d6570736575n,
      second ^ 0x646f72616e646f6dn,
      first ^ 0x6c7967656e657261n,
      second ^ 0x7465646279746573n,
    ];
  }

  absorb(block: bigint): this {
    this.#v[3] ^= block;
    this.#round();
    this.#v[0] ^= block;
    return this;
  }

  digest(): number {
    this.#v[2] ^= 0xffn;
    for (let round = 0; round < 3; round++) this.#round();
    const [a, b, c, d] = this.#v;
    return Number((a ^ b ^ c ^ d) & 0xffff_ffffn);
  }

  #round(): void {
    let [a, b, c, d] = this.#v;
    a = (a + b) & MASK;
    b = rotated(b, 13n) ^ a;
    a = rotated(a, 32n);
    c = (c + d) & MASK;
    d = rotated(d, 16n) ^ c;
    a = (a + d) & MASK;
    d = rotated(d, 21n) ^ a;
    c = (c + b) & MASK;
    b = rotated(b, 17n) ^ c;
    c = rotated(c, 32n);
    this.#v = [a, b, c, d];
  }
}

function rotated(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK;
}
