import type { Checkup } from '../lib/checkup/check.ts'
import type { ConfigPlace } from '../lib/checkup/show.ts'
import type { Terminal } from '../lib/portable/live-table.ts'
import type { PortableOptions } from '../lib/portable/portable.ts'
import type { InitOptions } from '../lib/providers/init.ts'
import type { ServiceRequest } from '../lib/service/service.ts'
import type { ServeOptions } from '../lib/serve.ts'
import type { Host, Running } from './lifetime.ts'

/** Everything the command line touches. */
export interface Io extends Host {
  env: NodeJS.ProcessEnv
  stdout(line: string): void
  stderr(line: string): void
  /** All that comes in on the standard input. */
  stdin(): Promise<Buffer>
  serve(options: ServeOptions): Promise<Running>
  /** Absent where standard output is no terminal. */
  terminal?: Terminal
  portable(options: PortableOptions): Promise<Running>
  service(request: ServiceRequest): Promise<void>
  /** What runs this program: Node and the script, absolute. */
  program: readonly [string, ...string[]]
  initProvider(options: InitOptions): Promise<string>
  checkConfig(place: ConfigPlace): Promise<Checkup>
  showConfig(place: ConfigPlace, asJson: boolean): Promise<string[]>
  initialConfig(format: string): Promise<string[]>
}
