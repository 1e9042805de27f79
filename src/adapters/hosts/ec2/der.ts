// The few things of DER that a signature in PKCS #7 is made of. Strict and bounded: definite lengths only, nothing
// after the end, nothing beyond a parent.

export interface DerNode {
  tag: number;
  /** The whole element, header included. */
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

const lengthBytesMax = 3;

/** The elements in `bytes`, one after another; throws where they do not fill it exactly. */
export function readAll(bytes: Buffer): DerNode[] {
  const nodes: DerNode[] = [];
  for (let at = 0; at < bytes.length; ) {
    const node = readOne(bytes.subarray(at));
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

function readOne(bytes: Buffer): DerNode {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw new Error('an element that is cut off');
  if ((tag & 0x1f) === 0x1f) throw new Error('a tag of more than a byte');
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > lengthBytesMax)
    throw new Error('a length that is not definite, or too long');
  if (bytes.length < 2 + lengthBytes) throw new Error('a length that is cut off');
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(2, lengthBytes);
  const start = 2 + lengthBytes;
  if (bytes.length < start + length) throw new Error('an element that is cut off');
  return { tag, raw: bytes.subarray(0, start + length), content: bytes.subarray(start, start + length) };
}
