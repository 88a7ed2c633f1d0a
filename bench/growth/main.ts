import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ConnectConfig } from 'ssh2'

import { check } from '../../conformance/harness/check.ts'
import { writeRandomFiles } from '../../conformance/harness/files.ts'
import { generateKey } from '../../conformance/harness/keys.ts'
import type { Scope } from '../../conformance/harness/scope.ts'
import { startSftpgo } from '../../conformance/harness/sftpgo-server.ts'
import { MEMORY_DIR, tempDir } from '../../conformance/harness/temp.ts'
import { inspectEnvironment } from '../environment.ts'
import { median } from '../figures.ts'
import { keepMemoryAtHand } from '../free-memory.ts'
import { measure } from '../meter.ts'
import { LoadClient } from '../sftp-load.ts'
import { GROWTH } from './options.ts'
import { growthPlot } from './plot.ts'
import { growthTable, worseThanLinear } from './report.ts'
import { sizes, type Point, type Series } from './steps.ts'

const MIB = 1024 * 1024
/** What OpenSSH's client has under way. */
const IN_FLIGHT_BYTES = 2 * MIB
/** Of one of many: together they would have more under way than the machine has to spare. */
const SHARED_IN_FLIGHT_BYTES = 128 * 1024
const RESULTS = 'bench/results'

/**
 * How time grows with the number of transfers, with the size of a file and with that of a directory: writes a plot, prints a
 * table. @returns 1 when a step is worse than linear.
 */
export async function growthMain(scope: Scope, args: readonly string[]): Promise<number> {
  const options = GROWTH.parse(args)
  if (options.help) {
    console.log(GROWTH.usage)
    return 0
  }
  await keepMemoryAtHand(scope, 1.25 * Math.max(options.largestMib, 64 * options.eachMib) * MIB)
  const home = await tempDir(scope, MEMORY_DIR)
  const key = await generateKey(scope, await tempDir(scope), 'bench', 'ed25519')
  const server = await startSftpgo(scope, { logArgs: ['-l', 'sftpgo.log'] })
  const username = await server.addAccount({ username: 'bench', home, publicKeys: [key.publicKey] })
  const config: ConnectConfig = {
    host: server.host,
    port: server.port,
    username,
    privateKey: await readFile(key.privateKeyFile),
  }
  const block = randomBytes(32 * 1024)
  const timed = async (size: number, work: () => Promise<number>): Promise<Point> => {
    const all: Point[] = []
    for (let round = 0; round < options.rounds; round++) {
      let seconds = 0
      const { cpuSeconds } = await measure(server.pid, 1, async () => void (seconds = await work()))
      all.push({ size, seconds, cpuSeconds })
    }
    return {
      size,
      seconds: median(all.map((one) => one.seconds)),
      cpuSeconds: median(all.map((one) => one.cpuSeconds)),
    }
  }

  const putFiles: Point[] = []
  const getFiles: Point[] = []
  const one = await LoadClient.open(config)
  const ignore = () => undefined
  // The first one compiles the program.
  for (const bytes of [64 * MIB, ...sizes(4096, 16, options.largestMib * MIB)]) {
    putFiles.push(await timed(bytes, () => one.put('/file', block, bytes, IN_FLIGHT_BYTES)))
    check((await stat(join(home, 'file'))).size === bytes, `the file that arrived has not ${bytes} bytes`)
    getFiles.push(await timed(bytes, () => one.get('/file', bytes, IN_FLIGHT_BYTES, ignore)))
    console.error(`${bytes} bytes done`)
  }
  await rm(join(home, 'file'))

  const directories: Point[] = []
  for (const names of sizes(10, 10, options.entries)) {
    await writeRandomFiles(join(home, `names-${names}`), names, 0)
    const list = async (): Promise<number> => {
      const start = performance.now()
      check((await one.list(`/names-${names}`)) === names, 'not all names were listed')
      return (performance.now() - start) / 1000
    }
    directories.push(await timed(names, list))
    console.error(`${names} names done`)
  }
  one.end()

  const putMany: Point[] = []
  const getMany: Point[] = []
  for (const transfers of [1, 4, 16, 64]) {
    const clients = await LoadClient.openAll(config, transfers)
    const bytes = options.eachMib * MIB
    const together = async (move: (client: LoadClient, path: string) => Promise<number>): Promise<number> => {
      const start = performance.now()
      await Promise.all(clients.map((client, at) => move(client, `/many-${at}`)))
      return (performance.now() - start) / 1000
    }
    putMany.push(await timed(transfers, () => together((c, path) => c.put(path, block, bytes, SHARED_IN_FLIGHT_BYTES))))
    getMany.push(
      await timed(transfers, () => together((c, path) => c.get(path, bytes, SHARED_IN_FLIGHT_BYTES, ignore))),
    )
    for (const client of clients) client.end()
    console.error(`${transfers} at once done`)
  }

  const each = `${options.eachMib} MiB each`
  const series: Series[] = [
    { name: 'put one file', unit: 'bytes', points: putFiles.slice(1) },
    { name: 'get one file', unit: 'bytes', points: getFiles.slice(1) },
    { name: 'list a directory', unit: 'names', points: directories },
    { name: `puts at once, ${each}`, unit: 'transfers', points: putMany },
    { name: `gets at once, ${each}`, unit: 'transfers', points: getMany },
  ]
  const environment = await inspectEnvironment(scope, { cipher: "ssh2's default" })
  const subtitle = `seconds by size, Node ${environment.node}, ${environment.cpus} CPUs (${environment.cpuModel})`
  await mkdir(RESULTS, { recursive: true })
  await writeFile(join(RESULTS, 'growth.json'), `${JSON.stringify({ environment, options, series }, null, 2)}\n`)
  await writeFile(join(RESULTS, 'growth.svg'), growthPlot(series, subtitle))
  const worse = worseThanLinear(series)
  console.log([growthTable(series), '', ...(worse.length > 0 ? worse : ['no step is worse than linear'])].join('\n'))
  return worse.length > 0 ? 1 : 0
}
