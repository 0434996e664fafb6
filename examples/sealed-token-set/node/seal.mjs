// Seal a token set to the service, with jose and nothing of this service.
//
// Standard input: {"clinic_id": "...", "token_set": what Xero's token endpoint has answered}
// Standard output: the `grant` for the event connect-completed
// Arguments: what `allie-xero keys public` printed, and our private key (JWK) where the service names senders
//   node seal.mjs public.json [sender.json] < obtained.json
import { readFileSync } from "node:fs";
import { CompactEncrypt, CompactSign, importJWK } from "jose";

const GOOD_FOR_S = 600;

/** A compact JWE that only the service can open, signed by us if it wants that. */
async function sealed({ clinic_id, token_set }, receiver, sender) {
  const now = Math.floor(Date.now() / 1000);
  const { access_token, refresh_token, scope, expires_in } = token_set;
  const claims = {
    clinic_id,
    exp: now + GOOD_FOR_S,
    token_set: { access_token, refresh_token, scope, expires_at: now + expires_in },
  };
  let plaintext = JSON.stringify(claims);
  if (sender) {
    plaintext = await new CompactSign(Buffer.from(plaintext))
      .setProtectedHeader({ alg: "ES256", kid: sender.kid })
      .sign(await importJWK(sender, "ES256"));
  }
  return new CompactEncrypt(Buffer.from(plaintext))
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", kid: receiver.kid })
    .encrypt(await importJWK(receiver, "ECDH-ES"));
}

const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const [publicKeys, senderKey] = process.argv.slice(2);
const newest = read(publicKeys).receiving.keys[0];
const jwe = await sealed(JSON.parse(readFileSync(0, "utf8")), newest, senderKey && read(senderKey));
console.log(JSON.stringify({ type: "sealed_token_set", jwe }));
