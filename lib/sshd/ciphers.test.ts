import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { CipherAlgorithm, MacAlgorithm } from 'ssh2'
import { expect, test } from 'vitest'
import { PFLAGS, connect, eventually, isExchangingKeys, openFile, openSftp, rawProtocol } from './sshd.test.support.ts'
import { startSshd } from './sshd.test.support.ts'
import { supportedAlgorithms } from './transport-internals.ts'

const { cipher: ciphers, hmac: macs } = supportedAlgorithms()

const pairs = [
  ...ciphers.map((cipher) => ({ cipher, mac: 'hmac-sha2-256' })),
  ...macs.map((mac) => ({ cipher: 'aes128-ctr', mac })),
] as { cipher: CipherAlgorithm; mac: MacAlgorithm }[]

test.each(pairs)('replies of every length arrive whole under $cipher and $mac', async ({ cipher, mac }) => {
  const server = await startSshd({ config: { ciphers: [...ciphers], macs: [...macs] } })
  const contents = randomBytes(300_000)
  const client = await connect(server, { algorithms: { cipher: [cipher], hmac: [mac] } })
  writeFileSync(path.join(server.home, 'file'), contents)
  const { sftp } = await openSftp(client)
  const handle = await openFile(sftp, '/file', PFLAGS.read)
  const readAll = async (): Promise<void> => {
    const lengths = [1, 7, 900, 1024, 5000, 32_755, 32_768, 70_000, 261_120]
    const replies = await Promise.all(lengths.map((len) => sftp.request({ kind: 'read', handle, offset: 0n, len })))
    expect(
      replies.map(
        (reply, index) =>
          reply.kind === 'data' && Buffer.concat(reply.data).equals(contents.subarray(0, lengths[index])),
      ),
    ).toEqual(lengths.map(() => true))
  }
  await readAll()
  rawProtocol(client).rekey()
  await eventually(() => expect(isExchangingKeys(client)).toBe(false))
  await readAll()
})
