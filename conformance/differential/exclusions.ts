/** What no sequence does, because the two answers could not be compared. */
export const EXCLUSIONS: readonly { what: string; why: string }[] = [
  {
    what: 'absolute link texts',
    why: "they mean the account's root to the engine, the host's root to sftp-server",
  },
  {
    what: 'links and paths that climb above the root',
    why: 'a chroot stops there; sequences run six directories deep, so that `..` is used and never gets there',
  },
  {
    what: '`..` behind another name in a request, a trailing slash or dot behind a name',
    why: 'the engine resolves them by their text (design: virtual paths), the kernel by what is on the disk',
  },
  {
    what: 'an empty path, except for REALPATH and expand-path',
    why: 'draft §6.2 has it mean the home directory; for sftp-server it is a name that does not exist',
  },
  {
    what: 'link texts of more than 3 and less than 4 KiB, or long ones that lead in circles',
    why: "sftp-server's REALPATH keeps a link's text and what is behind it in one buffer of 4 KiB",
  },
  { what: 'names with a NUL byte', why: 'sftp-server ends the session' },
  { what: 'malformed packets, unknown packet types', why: 'sftp-server ends the session, or does not answer' },
  {
    what: 'setgid and sticky bits',
    why: 'the engine drops them, and sftp-server sets them: what happens in such a directory later is not the same',
  },
  {
    what: 'SETSTAT on the root',
    why: 'sequences share it; each has a directory of its own below it, on which they do it',
  },
  {
    what: 'sizes and write offsets between 1 MiB and 2^63, read offsets between 2^40 and 2^63',
    why: 'a sparse file of that size is not compared in bounded time; where files end is up to the file system',
  },
  {
    what: 'home-directory, users-groups-by-id, expand-path of `~name`',
    why: "they tell of the host's users, whom virtual accounts do not know",
  },
  {
    what: 'copy-data without a length between two names of what may be one file',
    why: 'sftp-server copies until the disk is full',
  },
  {
    what: 'access times of links',
    why: 'every walk over a link sets them, and how often a name is walked is not for clients to know',
  },
  {
    what: 'SETSTAT of a size without times',
    why: 'whether truncate(2) to the size that a file has sets its time is up to the file system, and Node has ftruncate(2)',
  },
  { what: 'limits', why: 'each server tells its own' },
  {
    what: "a closed handle's number while sftp-server uses it again",
    why: 'the engine never gives out a handle twice; sftp-server is sent one that it never gave out instead',
  },
  {
    what: 'servers that run as another user than this program',
    why: 'the engine runs in this process; where root runs it, start it once more as somebody whom permissions bind',
  },
]
