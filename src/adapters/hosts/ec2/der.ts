// The few things of ASN.1 that a signature in PKCS #7 is made of, in DER and in the part of BER that EC2 writes: lengths
// that are not told but ended by two zero bytes, and texts in pieces. Bounded: nothing after the end, nothing beyond a
// parent, no depth without end.

export interface DerNode {
  tag: number;
  /** The whole element, header and end included. */
  raw: Buffer;
  content: Buffer;
}

export const tags = {
  integer: 0x02,
  octetString: 0x04,
  objectId: 0x06,
  sequence: 0x30,
  set: 0x31,
  /** `[0]`, constructed: explicit content, or certificates, or signed attributes, by its place. */
  context0: 0xa0,
} as const;

const constructed = 0x20;
const lengthBytesMax = 3;
/** A signature has some ten. */
const depthMax = 24;

/** The elements in `bytes`, one after another; throws where they do not fill it exactly. */
export function readAll(bytes: Buffer): DerNode[] {
  const nodes: DerNode[] = [];
  for (let at = 0; at < bytes.length; ) {
    const node = readOne(bytes.subarray(at), 0);
    nodes.push(node);
    at += node.raw.length;
  }
  return nodes;
}

/** What is in an element that has to be of this kind. */
export function childrenOf(node: DerNode | undefined, tag: number): DerNode[] {
  return readAll(contentOf(node, tag));
}

export function contentOf(node: DerNode | undefined, tag: number): Buffer {
  if (node?.tag !== tag) throw new Error(`an element of kind ${node?.tag ?? 'none'} where ${tag} is due`);
  return node.content;
}

/** An octet string, whole or in pieces. */
export function octetsOf(node: DerNode | undefined): Buffer {
  if (node?.tag !== (tags.octetString | constructed)) return contentOf(node, tags.octetString);
  return Buffer.concat(readAll(node.content).map((piece) => contentOf(piece, tags.octetString)));
}

function readOne(bytes: Buffer, depth: number): DerNode {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw new Error('an element that is cut off');
  if ((tag & 0x1f) === 0x1f) throw new Error('a tag of more than a byte');
  if (depth > depthMax) throw new Error('elements that are nested too deep');
  if (first === 0x80) return readUntilEnd(tag, bytes, depth);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > lengthBytesMax) throw new Error('a length that is too long');
  if (bytes.length < 2 + lengthBytes) throw new Error('a length that is cut off');
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  if (bytes.length < start + length) throw new Error('an element that is cut off');
  return { tag, raw: bytes.subarray(0, start + length), content: bytes.subarray(start, start + length) };
}

/** Its end is found by reading what is in it. */
function readUntilEnd(tag: number, bytes: Buffer, depth: number): DerNode {
  if ((tag & constructed) === 0) throw new Error('a simple element without a length');
  let at = 2;
  while (!(bytes[at] === 0 && bytes[at + 1] === 0)) at += readOne(bytes.subarray(at), depth + 1).raw.length;
  return { tag, raw: bytes.subarray(0, at + 2), content: bytes.subarray(2, at) };
}
