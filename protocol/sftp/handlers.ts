import { FsError, virtualPath } from '../filesystem.ts'
import type { OpenFlags } from '../filesystem.ts'
import { SFTP_VERSION, SSH_FXF } from './constants.ts'
import { EXTENSION_HANDLERS, advertised } from './extensions.ts'
import { done, nameReply, onHandle } from './handler.ts'
import type { Handlers } from './handler.ts'
import { Listing } from './listing.ts'
import { longnames } from './longname.ts'
import { ALONE, OBSERVES_ANYTHING } from './order.ts'
import type { RequestKind } from './packets.ts'
import { END_OF_FILE, OK } from './status.ts'

/** READ and WRITE move file data and have a path of their own: see server.ts. */
export type HandledKind = Exclude<RequestKind, 'read' | 'write'>

/** A request without a row does not compile. */
export const HANDLERS: Handlers<HandledKind> = {
  init: {
    access: () => ALONE,
    run: async (session) => ({ kind: 'version', version: SFTP_VERSION, extensions: advertised(session) }),
  },
  open: {
    access: (_session, { pflags }) => (pflags & ~SSH_FXF.READ ? ALONE : OBSERVES_ANYTHING),
    run: async ({ fs, handles }, { filename, pflags, attrs }) => {
      const path = virtualPath(filename)
      const flags = openFlags(pflags)
      // As open(2): what ends in a slash is a directory, and must not become a file for want of one.
      if (filename.endsWith('/') && path !== '/')
        throw new FsError(flags.create ? 'failure' : 'not-found', 'Not the name of a file')
      return { kind: 'handle', handle: await handles.addFile(() => fs.open(path, flags, attrs)) }
    },
  },
  close: {
    // Closing may publish an upload, which any later request could see.
    access: (session, { handle }) => onHandle(session, handle, 'close'),
    run: async ({ handles }, { handle }) => {
      const closed = handles.remove(handle)
      await (closed.kind === 'file' ? closed.file.close() : closed.directory.close())
      return OK
    },
  },
  lstat: {
    access: () => OBSERVES_ANYTHING,
    run: async ({ fs }, { path }) => ({ kind: 'attrs', attrs: await fs.lstat(virtualPath(path)) }),
  },
  stat: {
    access: () => OBSERVES_ANYTHING,
    run: async ({ fs }, { path }) => ({ kind: 'attrs', attrs: await fs.stat(virtualPath(path)) }),
  },
  fstat: {
    access: (session, { handle }) => onHandle(session, handle, 'observe'),
    run: async ({ handles }, { handle }) => ({ kind: 'attrs', attrs: await handles.file(handle).stat() }),
  },
  setstat: {
    access: () => ALONE,
    run: ({ fs }, { path, attrs }) => done(fs.setstat(virtualPath(path), attrs)),
  },
  fsetstat: {
    // The file may be looked at by its path, too.
    access: () => ALONE,
    run: async ({ handles }, { handle, attrs }) => done(handles.file(handle).setstat(attrs)),
  },
  opendir: {
    access: () => OBSERVES_ANYTHING,
    run: async (session, { path }) => {
      const { fs, handles } = session
      const opened = virtualPath(path)
      return {
        kind: 'handle',
        handle: await handles.addDirectory(async () => new Listing(await fs.opendir(opened), session)),
      }
    },
  },
  readdir: {
    access: (session, { handle }) => onHandle(session, handle, 'readdir'),
    run: async (session, { handle }) => {
      const entries = await session.handles.directory(handle).next()
      if (entries.length === 0) return END_OF_FILE
      const longname = longnames(session.now())
      return {
        kind: 'name',
        entries: entries.map((entry) => ({
          filename: entry.filename,
          longname: longname(entry),
          attrs: entry.attrs,
        })),
      }
    },
    afterwards({ handles }, { handle }) {
      const found = handles.find(handle)
      if (found?.kind === 'directory') found.directory.readAhead()
    },
  },
  remove: { access: () => ALONE, run: ({ fs }, { filename }) => done(fs.remove(virtualPath(filename))) },
  mkdir: { access: () => ALONE, run: ({ fs }, { path, attrs }) => done(fs.mkdir(virtualPath(path), attrs)) },
  rmdir: { access: () => ALONE, run: ({ fs }, { path }) => done(fs.rmdir(virtualPath(path))) },
  realpath: {
    access: () => OBSERVES_ANYTHING,
    // §6.11 leaves open whether links are resolved; OpenSSH's server does, and clients show what they get.
    run: async ({ fs }, { path }) => nameReply(await fs.realpath(virtualPath(path))),
  },
  rename: {
    access: () => ALONE,
    // §6.5: it is an error if newpath exists.
    run: ({ fs }, { oldpath, newpath }) =>
      done(fs.rename(virtualPath(oldpath), virtualPath(newpath), { replace: false })),
  },
  readlink: {
    access: () => OBSERVES_ANYTHING,
    run: async ({ fs }, { path }) => nameReply(await fs.readlink(virtualPath(path))),
  },
  symlink: {
    access: () => ALONE,
    run: ({ fs }, { targetpath, linkpath }) => done(fs.symlink(linkText(targetpath), virtualPath(linkpath))),
  },
  ...EXTENSION_HANDLERS,
}

/** The pflags of §6.3. Without READ and WRITE a file is opened for reading, as OpenSSH does. */
export function openFlags(pflags: number): OpenFlags {
  const has = (flag: number): boolean => (pflags & flag) !== 0
  const write = has(SSH_FXF.WRITE)
  return {
    read: has(SSH_FXF.READ) || !write,
    write,
    append: has(SSH_FXF.APPEND),
    create: has(SSH_FXF.CREAT),
    truncate: has(SSH_FXF.TRUNC),
    exclusive: has(SSH_FXF.EXCL),
  }
}

function linkText(target: string): string {
  if (target.includes('\0')) throw new FsError('not-found', 'A link cannot hold a NUL byte')
  if (target === '') throw new FsError('not-found', 'A link cannot be empty')
  return target
}
