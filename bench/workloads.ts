import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { check, checkSameFile, checkSameTree } from '../conformance/harness/check.ts'
import { writeRandomFile, writeRandomFiles } from '../conformance/harness/files.ts'
import { command } from '../conformance/harness/openssh-client.ts'
import type { OpenSshClient } from '../conformance/harness/openssh-client.ts'
import type { Finished } from '../conformance/harness/processes.ts'
import type { Scope } from '../conformance/harness/scope.ts'
import { MEMORY_DIR, tempDir } from '../conformance/harness/temp.ts'
import { keepMemoryAtHand } from './free-memory.ts'
import type { Options } from './options.ts'

/** The directories that all servers and the client share. */
export interface Ground {
  /** Where every server starts its sessions. */
  home: string
  /** The client's directory. */
  local: string
}

export interface Workload {
  name: string
  /** 0 where it is names that are moved. */
  bytes: number
  files: number
  /** @param target a name that no transfer before had: a server may remember those that went. */
  run(client: OpenSshClient, target: string): Promise<Finished>
  /** @param thorough compares contents, which takes longer than the transfer; else sizes or counts. */
  check(ground: Ground, target: string, thorough: boolean): Promise<void>
  clean(ground: Ground, target: string): Promise<void>
}

const MIB = 1024 * 1024
const SMALL_FILE_BYTES = 4096

interface Amounts {
  sizeMib: number
  files: number
  entries: number
}

/** What is read in all workloads, made once in memory: on each side one big file and one directory of small ones. */
export async function layGround(scope: Scope, sizes: Amounts): Promise<Ground> {
  await keepMemoryAtHand(scope, newBytes(sizes))
  const dir = await tempDir(scope, MEMORY_DIR)
  const ground = { home: join(dir, 'home'), local: join(dir, 'local') }
  for (const side of [ground.home, ground.local]) {
    await mkdir(side)
    await writeRandomFile(join(side, 'big'), sizes.sizeMib * MIB)
    await writeRandomFiles(join(side, 'small'), sizes.files, SMALL_FILE_BYTES)
  }
  await writeRandomFiles(join(ground.home, 'many'), sizes.entries, 0)
  return ground
}

/** What a transfer makes, and the servers beside it. */
function newBytes({ sizeMib, files }: Amounts): number {
  return 1.25 * sizeMib * MIB + 4 * files * SMALL_FILE_BYTES + 256 * MIB
}

/** Both big files, one copy in transfer, the small files with a block or two each, and an inode for each name. */
export function bytesNeeded(sizes: Amounts): number {
  const laid = 3 * sizes.sizeMib * MIB + 4 * sizes.files * 2 * SMALL_FILE_BYTES + sizes.entries * 1024
  return Math.max(laid, newBytes(sizes)) + 0.01 * newBytes(sizes)
}

export function workloads({
  sizeMib,
  files,
  entries,
  protocol,
}: Pick<Options, 'sizeMib' | 'files' | 'entries' | 'protocol'>): readonly Workload[] {
  const size = sizeMib % 1024 === 0 ? `${sizeMib / 1024} GiB` : `${sizeMib} MiB`
  const big = { protocol, bytes: sizeMib * MIB, files: 1, source: 'big' }
  const small = { protocol, bytes: files * SMALL_FILE_BYTES, files, source: 'small' }
  return [
    workload({ ...big, name: `get ${size}`, direction: 'get' }),
    workload({ ...big, name: `put ${size}`, direction: 'put' }),
    workload({ ...small, name: `put ${files} x 4 KiB`, direction: 'put' }),
    workload({ ...small, name: `get ${files} x 4 KiB`, direction: 'get' }),
    ...(protocol === 'sftp' ? [listing(entries)] : []),
  ]
}

/** The client reads the whole directory for a pattern that matches nothing, and prints none of it. */
function listing(entries: number): Workload {
  return {
    name: `list ${entries} names`,
    bytes: 0,
    files: entries,
    run: (client) => client.batch([command`-ls many/none-*`]),
    async check({ home }) {
      check((await readdir(join(home, 'many'))).length === entries, 'not all names are there')
    },
    clean: async () => undefined,
  }
}

interface Plan {
  protocol: Options['protocol']
  name: string
  direction: 'get' | 'put'
  source: string
  bytes: number
  files: number
}

function workload({ protocol, name, direction, source, bytes, files }: Plan): Workload {
  const sides = ({ home, local }: Ground): { from: string; to: string } =>
    direction === 'get' ? { from: home, to: local } : { from: local, to: home }
  const recursive = files === 1 ? [] : ['-r']
  return {
    name,
    bytes,
    files,
    async run(client, target) {
      if (protocol === 'sftp') {
        const verb = [direction, ...recursive, ''].join(' ')
        return client.batch([Buffer.concat([Buffer.from(verb), command`${source} ${target}`])])
      }
      const [from, to] = direction === 'get' ? [client.remote(source), target] : [source, client.remote(target)]
      return client.scp([from, to], { args: ['-O', ...recursive] })
    },
    async check(ground, target, thorough) {
      const { from, to } = sides(ground)
      const [expected, actual] = [join(from, source), join(to, target)]
      if (files === 1) {
        check((await stat(actual)).size === bytes, `${name}: the file that arrived has another size`)
        if (thorough) await checkSameFile(actual, expected)
      } else {
        check((await readdir(actual)).length === files, `${name}: not all files arrived`)
        if (thorough) await checkSameTree(actual, expected)
      }
    },
    clean: (ground, target) => rm(join(sides(ground).to, target), { recursive: true, force: true }),
  }
}
