import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Algorithms, Sign1 } from '@auth0/cose';
import { Decoder } from 'cbor-x';
import { bytesOfDigits } from './digits.js';

const MARK = '#1';
const ES256 = { algorithms: [Algorithms.ES256] };
const claimsDecoder = new Decoder({ useRecords: false, mapsAsObjects: true });

/**
 * Reads a JSON file of kid (hex) to JWK and imports each key once: Map of kid to KeyObject. The library takes a WebCrypto
 * CryptoKey as well, but turns it into a KeyObject at every verification: no slower with Node 20, slower with Node 24.
 */
export function loadKeys(path) {
  const jwks = Object.entries(JSON.parse(readFileSync(path, 'utf8')));
  return new Map(jwks.map(([kid, key]) => [kid, createPublicKey({ key, format: 'jwk' })]));
}

/** Returns the claims of a genuine code; throws for every other text. */
export async function verifyCode(code, keys) {
  const at = code.indexOf(MARK);
  if (at < 0) throw new Error('not a code');
  const sign1 = Sign1.decode(bytesOfDigits(code.slice(at + MARK.length)));
  const key = keys.get(sign1.kid.toString('hex'));
  if (key === undefined) throw new Error('unknown key');
  await sign1.verify(key, ES256);
  return claimsDecoder.decode(sign1.payload);
}
