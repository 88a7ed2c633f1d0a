import type { Checkup } from '../lib/checkup/check.ts'
import type { ConfigPlace } from '../lib/checkup/show.ts'
import type { PortableOptions } from '../lib/portable/portable.ts'
import type { InitOptions } from '../lib/providers/init.ts'
import type { ServeOptions } from '../lib/serve.ts'
import type { Host, Running } from './lifetime.ts'

/** Everything the command line touches. */
export interface Io extends Host {
  env: NodeJS.ProcessEnv
  stdout(line: string): void
  stderr(line: string): void
  serve(options: ServeOptions): Promise<Running>
  portable(options: PortableOptions): Promise<Running>
  initProvider(options: InitOptions): Promise<string>
  checkConfig(place: ConfigPlace): Promise<Checkup>
  showConfig(place: ConfigPlace, asJson: boolean): Promise<string[]>
}
