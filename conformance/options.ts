import { parseArgs } from 'node:util'

export const TARGETS = ['sftpgo', 'openssh'] as const
export type TargetName = (typeof TARGETS)[number]

export interface Options {
  target: TargetName
  /** Only cases whose name contains it, in any case. */
  only: string
  /** `sftpd.upload_mode` of this server. */
  uploadMode: number
  /** Only the transfers with new keys all the way. */
  rekey: boolean
  list: boolean
  help: boolean
  bigFileMib: number
  smallFiles: number
}

export const USAGE = `usage: npm run conformance -- [options]
       npm run conformance -- --differential [--runs N] [--seed S]
       npm run conformance -- --attack [SECONDS]
       npm run conformance -- --soak [MINUTES]

  --target NAME   ${TARGETS.join(' or ')}: the server that is judged (sftpgo)
  --only TEXT     only cases whose name contains TEXT
  --upload-mode N sftpd.upload_mode of this server, 0 to 2 (0)
  --rekey         only the transfers of 256 MiB with new keys every MiB
  --size MIB      size of the big file in MiB (1024)
  --files N       number of small files (2000)
  --list          print the names of the cases, run none
  --help          print this`

/** @throws with a sentence for the user when an argument is unknown or wrong. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      target: { type: 'string', default: 'sftpgo' },
      only: { type: 'string', default: '' },
      size: { type: 'string', default: '1024' },
      files: { type: 'string', default: '2000' },
      'upload-mode': { type: 'string', default: '0' },
      rekey: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const target = TARGETS.find((name) => name === values.target)
  if (target === undefined) throw new Error(`--target is ${TARGETS.join(' or ')}, not ${values.target}`)
  const uploadMode = ['0', '1', '2'].indexOf(values['upload-mode'])
  if (uploadMode === -1) throw new Error(`--upload-mode is 0, 1 or 2, not ${values['upload-mode']}`)
  return {
    target,
    uploadMode,
    only: values.only,
    rekey: values.rekey,
    list: values.list,
    help: values.help,
    bigFileMib: positiveInteger('--size', values.size),
    smallFiles: positiveInteger('--files', values.files),
  }
}

export function positiveInteger(flag: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1) throw new Error(`${flag} takes a whole number above 0, not ${text}`)
  return value
}
