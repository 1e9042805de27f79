// Which machine is it that asks? EC2 signs a document about each instance, which every process on it can read and
// nobody can make: account, region, id, and when it was started last. It comes inside its signature, PKCS #7 as the
// metadata service gives it at `instance-identity/rsa2048`, and is believed only where the key of the region that it
// names has signed it. The certificate that comes along in the signature is not looked at.
//
// It proves which instance asks, not that it asks now: a job can copy it and show it again from elsewhere, for as long
// as it likes. So it opens nothing but the one claim of a runner that has not claimed yet.
//
// The signature's envelope is read here, in some sixty lines, since only four of its fields matter and a library for all
// of it is fifty times as large as everything else in the function that asks. [RFC 5652; EC2: Instance identity documents]

import { createHash, createPublicKey, timingSafeEqual, verify, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { EpochMs } from '../../../ports/clock.ts';
import { childrenOf, contentOf, type DerNode, octetsOf, readAll, tags } from './der.ts';
import { identityKeys } from './identity-keys.ts';

export interface IdentityQuestion {
  /** Base64, as the metadata service gives it; line breaks do not matter. */
  signature: string;
  account: string;
  region: string;
  now: EpochMs;
  /** A document of a machine that was started longer ago is refused: the longest life of a machine. */
  ageMsMax: number;
  /** PEM: instead of the key that is known for the region. */
  certificate?: string | undefined;
}

export type Identity =
  | {
      outcome: 'proven';
      instanceId: string;
      /** When it was started last. */
      pendingAt: EpochMs;
      instanceType: string;
      zone: string;
    }
  | { outcome: 'refused'; why: string };

/** A document has some 500 bytes, its signature with a certificate some 2,500 more. */
const signatureLengthMax = 8_192;
/** Clocks differ; a document from the future is from nowhere. */
const clockSkewMs = 5 * 60_000;

const documentSchema = z.object({
  accountId: z.string().regex(/^\d{12}$/),
  region: z.string().max(30),
  instanceId: z.string().regex(/^i-[0-9a-f]{8,17}$/),
  instanceType: z.string().max(40),
  availabilityZone: z.string().max(40),
  pendingTime: z.iso.datetime(),
});

export function checkIdentity(question: IdentityQuestion): Identity {
  const { account, region, now, ageMsMax } = question;
  const key = keyOf(question);
  if (!key)
    return refused(`no certificate is known for region ${region}: give it as the host's identityCertificate`);
  let content: Buffer;
  try {
    content = signedContent(question.signature, key);
  } catch (error) {
    return refused(error instanceof Error ? error.message : String(error));
  }
  const parsed = documentSchema.safeParse(jsonOf(content));
  if (!parsed.success) return refused('what is signed is not an identity document');
  const { accountId, instanceId, instanceType, availabilityZone: zone, pendingTime } = parsed.data;
  if (accountId !== account) return refused('it is a machine of another account');
  if (parsed.data.region !== region) return refused('it is a machine of another region');
  const pendingAt = Date.parse(pendingTime);
  if (pendingAt > now + clockSkewMs) return refused('the machine was started in the future');
  if (pendingAt + ageMsMax < now) return refused('the machine was started too long ago');
  return { outcome: 'proven', instanceId, pendingAt, instanceType, zone };
}

function keyOf({ region, certificate }: IdentityQuestion) {
  if (certificate !== undefined) return new X509Certificate(certificate).publicKey;
  const known = Object.hasOwn(identityKeys, region) ? identityKeys[region] : undefined;
  return known
    ? createPublicKey({ key: Buffer.from(known.key, 'base64'), format: 'der', type: 'spki' })
    : null;
}

const objectIds = {
  signedData: '2a864886f70d010702',
  messageDigest: '2a864886f70d010904',
  sha256: '608648016503040201',
} as const;

/**
 * The content that the key has signed, or throws. What is signed is the content itself, or, where there are signed
 * attributes, the set of these, one of which is the content's digest.
 */
function signedContent(signature: string, key: ReturnType<typeof createPublicKey>): Buffer {
  if (signature.length > signatureLengthMax) throw new Error('the signature is too long');
  const base64 = signature.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) throw new Error('the signature is not base64');
  const { content, signer } = readEnvelope(Buffer.from(base64, 'base64'));
  const [, , digestAlgorithm, ...rest] = signer;
  if (objectId(childrenOf(digestAlgorithm, tags.sequence)[0]) !== objectIds.sha256)
    throw new Error('the signature is of another kind than SHA-256');
  const attributes = rest[0]?.tag === tags.context0 ? rest.shift() : undefined;
  const [, value] = rest;
  const signed = attributes ? signedAttributes(attributes, content) : content;
  if (!verify('sha256', signed, key, contentOf(value, tags.octetString)))
    throw new Error('the signature is not of the region');
  return content;
}

function readEnvelope(bytes: Buffer): { content: Buffer; signer: DerNode[] } {
  try {
    const [outer, ...more] = readAll(bytes);
    const [type, wrapped] = childrenOf(outer, tags.sequence);
    if (more.length > 0 || objectId(type) !== objectIds.signedData) throw new Error('it is no signed data');
    const [signedData] = childrenOf(wrapped, tags.context0);
    const [, , encapsulated, ...rest] = childrenOf(signedData, tags.sequence);
    const [, explicit] = childrenOf(encapsulated, tags.sequence);
    const [octets] = childrenOf(explicit, tags.context0);
    const signers = childrenOf(rest.at(-1), tags.set);
    if (signers.length !== 1) throw new Error(`it has ${signers.length} signers`);
    return { content: octetsOf(octets), signer: childrenOf(signers[0], tags.sequence) };
  } catch (error) {
    throw new Error(`the signature can not be read: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

/** Signed is the set in its own right, so its first byte is a set's; in the envelope it is that of its place. */
function signedAttributes(attributes: DerNode, content: Buffer): Buffer {
  const digests = readAll(attributes.content)
    .map((attribute) => childrenOf(attribute, tags.sequence))
    .filter(([type]) => objectId(type) === objectIds.messageDigest)
    .flatMap(([, values]) => childrenOf(values, tags.set));
  const [digest] = digests;
  const wanted = createHash('sha256').update(content).digest();
  const given = digests.length === 1 ? contentOf(digest, tags.octetString) : Buffer.alloc(0);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new Error('what is signed is another document');
  const signed = Buffer.from(attributes.raw);
  signed[0] = tags.set;
  return signed;
}

function objectId(node: DerNode | undefined): string {
  return contentOf(node, tags.objectId).toString('hex');
}

function jsonOf(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString('utf8'));
  } catch {
    return null;
  }
}

function refused(why: string): Identity {
  return { outcome: 'refused', why };
}
