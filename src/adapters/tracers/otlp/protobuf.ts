// Writes protobuf from the end of a message towards its beginning. A part of a message is preceded by its length, which
// is known once the part is written: so nothing is measured first, and nothing is moved. A writer is used again and
// again, which also keeps the engine's optimised code of it.
// [Protocol Buffers: Encoding]

export interface BackwardWriter {
  /** Of what is written so far; what is between two answers is a part's length. */
  length(): number;
  /** A copy of what is written; then it begins anew. */
  take(): Uint8Array;
  /** A field's number, before its value. */
  tag(field: number, type: WireType): void;
  /** What was written since it was so long is the field's value: its length, and its number. */
  end(field: number, lengthBefore: number): void;
  varint(value: number): void;
  fixed32(value: number): void;
  /** Nanoseconds, of whole milliseconds. */
  nanoseconds(ms: number): void;
  double(value: number): void;
  text(value: string): void;
  /** Of an even number of digits. */
  hex(digits: string): void;
}

type WireType = (typeof wire)[keyof typeof wire];

export const wire = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

const doubleBytes = 8;

export function createBackwardWriter(bytesAtFirst: number): BackwardWriter {
  let buffer = Buffer.allocUnsafeSlow(bytesAtFirst);
  /** Where what is written begins. */
  let at = buffer.length;

  function makeRoom(count: number): void {
    if (count > at) grow(count);
    at -= count;
  }
  function grow(count: number): void {
    const written = buffer.length - at;
    const larger = Buffer.allocUnsafeSlow(2 * (buffer.length + count));
    buffer.copy(larger, larger.length - written, at);
    buffer = larger;
    at = larger.length - written;
  }
  const length = () => buffer.length - at;

  function varint(value: number): void {
    if (value >= 0 && value < 0x80) {
      makeRoom(1);
      buffer[at] = value;
      return;
    }
    if (value < 0 || value > 0xffff_ffff) {
      longVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let count = 1;
    for (let rest = value >>> 7; rest > 0; rest >>>= 7) count += 1;
    makeRoom(count);
    let rest = value;
    for (let i = 0; i < count - 1; i += 1, rest >>>= 7) buffer[at + i] = (rest & 0x7f) | 0x80;
    buffer[at + count - 1] = rest;
  }
  /** Below zero it has ten bytes. */
  function longVarint(value: bigint): void {
    const parts: number[] = [];
    for (let rest = value; rest > 0n; rest >>= 7n) parts.push(Number(rest & 0x7fn) | 0x80);
    makeRoom(parts.length);
    buffer.set(parts, at);
    const last = at + parts.length - 1;
    buffer[last] = (buffer[last] ?? 0) & 0x7f;
  }
  function tag(field: number, type: WireType): void {
    varint((field << 3) | type);
  }
  function fixed32(value: number): void {
    makeRoom(4);
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
  }
  /** Names are short and nearly all of ASCII: a loop is faster than a call out of the engine. */
  function text(value: string): void {
    const { length } = value;
    makeRoom(length);
    for (let i = 0; i < length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        at += length;
        anyText(value);
        return;
      }
      buffer[at + i] = code;
    }
  }
  /** What is no well-formed text is written with marks in its place, as protobuf wants UTF-8. */
  function anyText(value: string): void {
    const bytes = Buffer.byteLength(value);
    makeRoom(bytes);
    buffer.write(value, at, 'utf8');
  }

  return {
    length,
    take() {
      const taken = Buffer.from(buffer.subarray(at));
      at = buffer.length;
      return taken;
    },
    tag,
    end(field, lengthBefore) {
      varint(length() - lengthBefore);
      tag(field, wire.lengthDelimited);
    },
    varint,
    fixed32,
    // Of 61 bits, and a number is exact up to 53: so in two halves of the milliseconds.
    nanoseconds(ms) {
      const upper = Math.floor(ms / 2 ** 20) * 1_000_000;
      const lower = (ms % 2 ** 20) * 1_000_000 + (upper % 2 ** 12) * 2 ** 20;
      fixed32(Math.floor(upper / 2 ** 12) + Math.floor(lower / 2 ** 32));
      fixed32(lower % 2 ** 32);
    },
    double(value) {
      makeRoom(doubleBytes);
      buffer.writeDoubleLE(value, at);
    },
    text,
    hex(digits) {
      const count = digits.length >>> 1;
      makeRoom(count);
      for (let i = 0; i < count; i += 1)
        buffer[at + i] =
          ((digitOf[digits.charCodeAt(2 * i)] ?? 0) << 4) | (digitOf[digits.charCodeAt(2 * i + 1)] ?? 0);
    },
  };
}

/** Of `0`–`9` and `a`–`f`, by their codes. */
const digitOf = new Uint8Array(128);
for (const [digit, character] of [...'0123456789abcdef'].entries()) digitOf[character.charCodeAt(0)] = digit;
