import { generateKeyPairSync } from 'node:crypto'
import ssh2 from 'ssh2'
import { opensshText } from './openssh-key.ts'

/** Of the kind no server should take; programs that could make another are getting rare. */
export const DSA_KEY = `-----BEGIN DSA PRIVATE KEY-----
MIIBuwIBAAKBgQDuvVDcJtPP+3F9pVxoFlfVNym7T+BMESsbvw+l+N61LLGWSrLQ
C18HjWf8Eeg6LEp5ErcStXMQmH1f+cH6KGo3MdJhPc8rBZXIwPmyNfQuFmViGNlM
42FbgHCO4kw9PKp8eJlLgolC/9ObDRzJb8Dxxk1o49ciQqWCbPVC/GyMEQIVALJq
mlYLGjkG8dOTRZ06vPo6HNE/AoGAQMKYzpLx1m6qjTM5PuKj8yLfdNPIrq8Q5xUM
AtHYrunFOyCU2ZXd/IbeTV8Xh1/dJSSsI9wT4Lg+UsT3AebSk177UGbfKzq6vPIu
L0VykqdUI98hWT84BJ+KyStj3g+/nwRp5//w4JJ1YbccSNvdSX6IsbgssSPKZ4k4
C3rls64CgYEAgQykeLBzDe+bAvWQ3vqwlWNTQ/CwUoVEAVY82F4zxPlWOo/CzJSG
685aZU3VhOkrZO6Palo+J4nk3ONGj4C2rZ1TkV7gWnVmV2c0ddTIROWYSSWQC20R
/jhgdyITAE4H4oDqi/ECsTcbBpB+WFq2pgJaNn1xqIew1T7MC8JH/hgCFFMrFVRq
FeCclYRKYPOLZNP7bvt4
-----END DSA PRIVATE KEY-----
`

let rsa: string | undefined

/** 2048 bits: larger ones take seconds to make. PKCS#1. */
export function rsaKey(): string {
  return (rsa ??= generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  }).privateKey)
}

/** A new key pair; the public half as a line of authorized_keys. ssh2 makes one in 256 of type ed25519 wrong. */
export function ed25519Pair(comment = ''): { private: string; public: string } {
  const text = opensshText(generateKeyPairSync('ed25519').privateKey)
  const parsed = ssh2.utils.parseKey(text)
  if (parsed instanceof Error) throw parsed
  return { private: text, public: `ssh-ed25519 ${parsed.getPublicSSH().toString('base64')} ${comment}`.trim() }
}
