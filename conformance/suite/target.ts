import { EngineTarget } from './target-engine.ts'
import { SshTarget } from './target-ssh.ts'
import { StdioTarget } from './target-stdio.ts'

/** The client's end of one SFTP byte stream. */
export interface Wire {
  /** Never throws: bytes for a server that is gone are lost. */
  send(bytes: Buffer): void
  /** The client has nothing more to say; what the server still says arrives. */
  end(): void
  /** Ends the stream whatever the server does; resolves when the server's side is gone, or soon after. */
  close(): Promise<void>
}

/** Who is told what arrives. */
export interface Receiver {
  data(chunk: Buffer): void
  /** The server ended the stream; called once. */
  ended(): void
}

/** A server under judgement: any number of SFTP byte streams, one after the other or side by side. */
export interface Target {
  /** What reports call it. */
  readonly name: string
  /** Login name, for what is asked about the user's own home. */
  readonly username: string
  /** Host path of the directory in which sessions start, where it is on this machine: for checks on the disk. */
  readonly served?: string
  /** @throws when the server cannot be reached. */
  connect(receiver: Receiver): Promise<Wire>
  close(): Promise<void>
}

export type TargetOptions =
  | { kind: 'self' }
  | { kind: 'stdio'; command: string }
  | {
      kind: 'ssh'
      host: string
      port: number
      username: string
      password?: string
      /** File of a private key. */
      identity?: string
      /** See {@link Target.served}. */
      served?: string
    }

export async function openTarget(options: TargetOptions): Promise<Target> {
  if (options.kind === 'self') return EngineTarget.open()
  return options.kind === 'stdio' ? StdioTarget.open(options.command) : SshTarget.open(options)
}
