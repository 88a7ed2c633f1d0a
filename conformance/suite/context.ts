import type { Attrs } from '../../protocol/sftp/attrs.ts'
import { SSH_FXF, S_IF } from '../../protocol/sftp/constants.ts'
import type { Response } from '../../protocol/sftp/packets.ts'
import { Client } from './client.ts'
import type { Outcome, Unnumbered } from './client.ts'
import { describe, describeFully } from './expected.ts'
import type { Expected } from './expected.ts'
import { CaseFailure, NotOffered } from './failure.ts'
import type { Target } from './target.ts'
import { nodeText, sameNode } from './tree.ts'
import type { Node, Tree } from './tree.ts'

export interface ContextParts {
  target: Target
  client: Client
  /** Directory of this case alone, absolute, one character a byte. */
  dir: string
  /** Where sessions start. */
  home: string
  extensions: ReadonlyMap<string, Buffer>
  /** Filled with what came where the case judged, in a few words, repetitions once. */
  observed: string[]
}

/** Longest READ and WRITE of the suite's own work: every server takes 32 KiB (§3). */
const CHUNK_BYTES = 32 * 1024

/** What a case works with: a session and a directory of its own, and words to arrange and to judge. */
export class Context {
  readonly client: Client
  readonly dir: string
  readonly home: string
  readonly extensions: ReadonlyMap<string, Buffer>
  readonly #observed: string[]
  readonly #target: Target
  readonly #sessions: Client[] = []

  constructor({ target, client, dir, home, extensions, observed }: ContextParts) {
    this.#target = target
    this.client = client
    this.dir = dir
    this.home = home
    this.extensions = extensions
    this.#observed = observed
  }

  get username(): string {
    return this.#target.username
  }

  /** The path of a name in the case's directory. */
  at(name: string): string {
    return `${this.dir}/${name}`
  }

  /** The host path of a name, where the served directory is on this machine. */
  onDisk(name: string): Buffer | undefined {
    const { served } = this.#target
    if (served === undefined || !this.dir.startsWith(this.home)) return undefined
    const below = this.at(name).slice(this.home === '/' ? 0 : this.home.length)
    return Buffer.concat([Buffer.from(served), Buffer.from(below, 'latin1')])
  }

  /** Another session, which ends with the case. */
  async session({ init = true } = {}): Promise<Client> {
    const client = await Client.connect(this.#target)
    this.#sessions.push(client)
    if (init) await client.init()
    return client
  }

  async closeSessions(): Promise<void> {
    await Promise.all(this.#sessions.map((client) => client.close()))
  }

  // Judging

  /** @returns the reply, when it is what was expected. */
  async expect(asked: Unnumbered | Promise<Outcome>, expected: Expected): Promise<Response> {
    const outcome = await (asked instanceof Promise ? asked : this.client.request(asked))
    const came = describe(outcome)
    if (this.#observed.at(-1) !== came) this.#observed.push(came)
    if (!expected.accepts(outcome)) throw new CaseFailure(expected.text, describeFully(outcome))
    return outcome as Response
  }

  /** @param came in a few words, nothing in it may depend on the run. */
  check(holds: boolean, expected: string, came: string): void {
    if (!holds) throw new CaseFailure(expected, came)
  }

  same(came: unknown, expected: unknown, what: string): void {
    if (came !== expected) throw new CaseFailure(`${what} ${String(expected)}`, String(came))
  }

  /** As {@link same}, shown in octal. */
  sameMode(came: number, expected: number, what: string): void {
    if (came !== expected) throw new CaseFailure(`${what} ${expected.toString(8)}`, came.toString(8))
  }

  sameBytes(came: Buffer, expected: Buffer, what: string): void {
    if (came.equals(expected)) return
    const at = came.findIndex((byte, index) => byte !== expected[index])
    const where = came.length === expected.length || at !== -1 ? `, different from byte ${at}` : ''
    throw new CaseFailure(`${what}: ${expected.length} bytes`, `${came.length} bytes${where}`)
  }

  async shows(tree: Tree): Promise<void> {
    for (const [name, node] of Object.entries(tree)) {
      const came = await this.node(name)
      if (!sameNode(came, node)) throw new CaseFailure(`${name}: ${nodeText(node)}`, nodeText(came))
    }
  }

  /** What a name stands for, as the wire tells. */
  async node(name: string): Promise<Node> {
    const outcome = await this.client.request({ kind: 'lstat', path: this.at(name) })
    if (outcome.kind === 'status') return 'missing'
    if (outcome.kind !== 'attrs') throw new CaseFailure(`LSTAT ${name} is answered`, describeFully(outcome))
    const type = (outcome.attrs.permissions ?? 0) & S_IF.MT
    if (type === S_IF.DIR) return 'directory'
    if (type === S_IF.LNK) return { link: await this.linkText(name) }
    return { file: (await this.content(name)).toString('latin1') }
  }

  async linkText(name: string): Promise<string> {
    const { entries } = await this.must({ kind: 'readlink', path: this.at(name) }, 'name')
    return entries[0]?.filename ?? ''
  }

  async attrs(name: string): Promise<Attrs> {
    return (await this.must({ kind: 'stat', path: this.at(name) }, 'attrs')).attrs
  }

  // Arranging

  /** A reply that the case builds on. Only what it is about is judged with {@link expect}. */
  async must<K extends Response['kind']>(request: Unnumbered, kind: K): Promise<Extract<Response, { kind: K }>> {
    const outcome = await this.client.request(request)
    if (outcome.kind === kind && !(outcome.kind === 'status' && outcome.code !== 0)) {
      return outcome as Extract<Response, { kind: K }>
    }
    const asked = request.kind.toUpperCase()
    if (request.kind === 'symlink' && outcome.kind === 'status') {
      throw new NotOffered(`SYMLINK was answered with ${describe(outcome)}`)
    }
    throw new CaseFailure(`${asked}, which the case builds on, works`, describeFully(outcome))
  }

  async given(tree: Tree): Promise<void> {
    for (const [name, node] of Object.entries(tree)) {
      if (node === 'missing') continue
      if (node === 'directory') await this.must({ kind: 'mkdir', path: this.at(name), attrs: {} }, 'status')
      else if ('link' in node) await this.link(name, node.link)
      else await this.file(name, Buffer.from(node.file, 'latin1'), node.attrs)
    }
  }

  async link(name: string, target: string): Promise<void> {
    await this.must({ kind: 'symlink', targetpath: target, linkpath: this.at(name) }, 'status')
  }

  async file(name: string, content: Buffer = Buffer.alloc(0), attrs: Attrs = {}): Promise<void> {
    const handle = await this.open(name, SSH_FXF.WRITE | SSH_FXF.CREAT | SSH_FXF.TRUNC, attrs)
    for (let at = 0; at < content.length; at += CHUNK_BYTES) {
      await this.write(handle, at, content.subarray(at, at + CHUNK_BYTES))
    }
    await this.closed(handle)
  }

  async open(name: string, pflags: number, attrs: Attrs = {}): Promise<Buffer> {
    return (await this.must({ kind: 'open', filename: this.at(name), pflags, attrs }, 'handle')).handle
  }

  async opendir(name = ''): Promise<Buffer> {
    const path = name === '' ? this.dir : this.at(name)
    return (await this.must({ kind: 'opendir', path }, 'handle')).handle
  }

  async write(handle: Buffer, offset: number | bigint, content: Buffer): Promise<void> {
    await this.must({ kind: 'write', handle, offset: BigInt(offset), data: [content] }, 'status')
  }

  async closed(handle: Buffer): Promise<void> {
    await this.must({ kind: 'close', handle }, 'status')
  }

  async content(name: string): Promise<Buffer> {
    const handle = await this.open(name, SSH_FXF.READ)
    const content = await this.contentOf(handle)
    await this.closed(handle)
    return content
  }

  async contentOf(handle: Buffer): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let offset = 0; ;) {
      const outcome = await this.client.request({ kind: 'read', handle, offset: BigInt(offset), len: CHUNK_BYTES })
      if (outcome.kind === 'status' && outcome.code === 1) return Buffer.concat(parts)
      if (outcome.kind !== 'data') throw new CaseFailure('READ gives DATA or EOF', describeFully(outcome))
      parts.push(...outcome.data)
      const count = outcome.data.reduce((total, part) => total + part.length, 0)
      if (count === 0) throw new CaseFailure('READ gives bytes or EOF', 'DATA without bytes')
      offset += count
    }
  }

  /** Names of a directory without `.` and `..`, in the server's order. */
  async names(name = ''): Promise<string[]> {
    return (await this.entries(name)).map(({ filename }) => filename)
  }

  async entries(name = ''): Promise<{ filename: string; longname: string; attrs: Attrs }[]> {
    const handle = await this.opendir(name)
    const found = await this.entriesOf(handle)
    await this.closed(handle)
    return found
  }

  async entriesOf(handle: Buffer): Promise<{ filename: string; longname: string; attrs: Attrs }[]> {
    const found: { filename: string; longname: string; attrs: Attrs }[] = []
    for (;;) {
      const outcome = await this.client.request({ kind: 'readdir', handle })
      if (outcome.kind === 'status' && outcome.code === 1) break
      if (outcome.kind !== 'name') throw new CaseFailure('READDIR gives NAME or EOF', describeFully(outcome))
      found.push(...outcome.entries)
    }
    return found.filter(({ filename }) => filename !== '.' && filename !== '..')
  }
}
